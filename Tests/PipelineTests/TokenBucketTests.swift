import Pipeline
import TestSupport
import Testing

@Suite("A token bucket")
struct TokenBucketTests {
    private let start = ContinuousClock.now

    @Test("lets its burst pass at once, and then what the rate gives")
    func burst() throws {
        var bucket = TokenBucket(rate: 1000, burst: 100, at: start)
        #expect(bucket.take(60, at: start) == nil && bucket.take(40, at: start) == nil)
        let found = bucket.take(50, at: start)
        let due = try #require(found)
        #expect(abs((due - start) / .milliseconds(50) - 1) < 0.001)
        #expect(bucket.take(50, at: start + .milliseconds(49)) != nil)
        #expect(bucket.take(50, at: due) == nil)
        // After a pause it is the burst again, not more.
        #expect(bucket.take(100, at: due + .seconds(60)) == nil)
        #expect(bucket.take(1, at: due + .seconds(60)) != nil)
    }

    @Test("lets more than its burst pass once it has gathered, and a wait given up leaves the burst only")
    func large() throws {
        var bucket = TokenBucket(rate: 1000, burst: 100, at: start)
        let found = bucket.take(4100, at: start)
        let due = try #require(found)
        #expect(abs((due - start) / .seconds(4) - 1) < 0.001)
        #expect(bucket.take(4100, at: due) == nil)
        #expect(bucket.take(4000, at: due) != nil)
        bucket.stopWaiting(at: due + .seconds(3))
        #expect(bucket.take(101, at: due + .seconds(3.5)) != nil)
    }

    @Test("never lets more pass than rate and burst give, nor less than 95 % while someone asks")
    func property() {
        let seed = UInt64.random(in: .min ... .max)
        print("token bucket: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let rate = UInt64.random(in: 64 << 10...1 << 32, using: &generator)
            let burst = max(rate / 20, 4096)
            let byteCountMin = Int(rate / 2000)
            let byteCountMax = byteCountMin + Int.random(in: 1...4 << 20, using: &generator)
            var bucket = TokenBucket(rate: rate, burst: burst, at: start)
            var (now, passed) = (start, 0.0)
            let end = start + .seconds(10)
            while now < end {
                let byteCount = Int.random(in: byteCountMin...byteCountMax, using: &generator)
                while let due = bucket.take(byteCount, at: now) {
                    // Sleepers wake late, by less than the burst lasts.
                    now = due + .milliseconds(Int.random(in: 0...40, using: &generator))
                }
                passed += Double(byteCount)
                let most = Double(rate) * ((now - start) / .seconds(1)) + Double(burst)
                #expect(passed <= most * 1.000001, "seed \(seed), rate \(rate)")
            }
            let least = 0.95 * Double(rate) * ((now - start) / .seconds(1))
            #expect(passed >= least, "seed \(seed), rate \(rate), takes of up to \(byteCountMax)")
        }
    }

    @Test("takes another rate from the moment it changes")
    func changed() throws {
        var bucket = TokenBucket(rate: 1000, burst: 100, at: start)
        #expect(bucket.take(100, at: start) == nil)
        bucket = bucket.changed(rate: 10_000, burst: 500, at: start + .milliseconds(50))
        let found = bucket.take(150, at: start + .milliseconds(50))
        let due = try #require(found)
        #expect(abs((due - start) / .milliseconds(60) - 1) < 0.001)
        bucket = bucket.changed(rate: 10, burst: 1, at: start + .seconds(9))
        #expect(bucket.take(1, at: start + .seconds(9)) == nil)
        #expect(bucket.take(1, at: start + .seconds(9)) != nil)
    }

    @Test("no number makes it trap")
    func extremes() {
        var bucket = TokenBucket(rate: 0, burst: 0, at: start)
        #expect(bucket.take(.max, at: start) != nil)
        #expect(bucket.take(0, at: start) == nil)
        var fast = TokenBucket(rate: .max, burst: .max, at: start)
        #expect(fast.take(.max, at: start + .seconds(1_000_000_000)) == nil)
        #expect(fast.take(1, at: start - .seconds(5)) == nil)
    }
}
