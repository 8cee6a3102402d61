import Planning
import TestSupport
import Testing

@Suite("Pauses between tries")
struct BackoffTests {
    @Test("pauses double from the first to the longest, each within a quarter of its nominal length")
    func doubles() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            var backoff = Backoff(firstSeconds: 2, maxSeconds: 50)
            for nominal in [2, 4, 8, 16, 32, 50, 50, 50] as [Double] {
                let pause = backoff.failed(using: &generator)
                #expect((nominal * 0.75...nominal * 1.25).contains(pause), "seed \(seed)")
            }
            #expect(backoff.failureCount == 8)
        }
    }

    @Test("pauses of many that fail at once are spread over the whole range")
    func spreads() {
        var generator = SeededGenerator(seed: 1)
        let pauses = (0..<1000).map { _ in
            var backoff = Backoff(firstSeconds: 100, maxSeconds: 100)
            return backoff.failed(using: &generator)
        }
        #expect(pauses.contains { $0 < 80 } && pauses.contains { $0 > 120 })
    }

    @Test("a success begins anew")
    func beginsAnew() {
        var generator = SeededGenerator(seed: 1)
        var backoff = Backoff(firstSeconds: 1, maxSeconds: 300)
        for _ in 0..<20 { _ = backoff.failed(using: &generator) }
        backoff.succeeded()
        #expect(backoff.failureCount == 0)
        #expect(backoff.failed(using: &generator) <= 1.25)
    }

    @Test(
        "no number of failures and no limits make a pause that is not finite or below zero",
        arguments: [(1, 300), (0, 0), (-1, -5), (500, 10), (.nan, .nan), (1, .infinity), (1e300, 1e308), (1e-300, 1)])
    func neverTraps(first: Double, longest: Double) {
        var generator = SeededGenerator(seed: 1)
        var backoff = Backoff(firstSeconds: first, maxSeconds: longest)
        for _ in 0..<200 {
            let pause = backoff.failed(using: &generator)
            #expect(pause >= 0 && pause <= 1.25 * 86400)
        }
    }
}
