import Testing

@testable import Agent

@Suite("How fast a transfer is")
struct RateMeterTests {
    private let start = ContinuousClock.now

    @Test("a steady count has its own rate, and a change shows within some seconds")
    func steady() {
        var meter = RateMeter()
        for second in 0...10 { meter.sample(UInt64(second) * 100, at: start + .seconds(second)) }
        #expect(meter.perSecond.map { abs($0 - 100) < 1 } == true)
        for second in 11...30 { meter.sample(1000, at: start + .seconds(second)) }
        #expect(meter.perSecond.map { $0 < 2 } == true)
    }

    @Test("a count that fell begins a new measure")
    func restarted() {
        var meter = RateMeter()
        meter.sample(0, at: start)
        meter.sample(1_000_000, at: start + .seconds(1))
        meter.sample(0, at: start + .seconds(2))
        #expect(meter.perSecond == nil)
        meter.sample(10, at: start + .seconds(3))
        #expect(meter.perSecond == 10)
    }

    @Test("one sample, and two at the same moment, tell nothing")
    func nothing() {
        var meter = RateMeter()
        #expect(meter.perSecond == nil)
        meter.sample(5, at: start)
        meter.sample(9, at: start)
        #expect(meter.perSecond == nil)
    }
}
