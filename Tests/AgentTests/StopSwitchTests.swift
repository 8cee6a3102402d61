import Testing

@testable import Agent

@Suite("Stopping in two steps")
struct StopSwitchTests {
    @Test("runs that ended are not remembered: an agent has many")
    func forgets() async throws {
        let stop = StopSwitch()
        for _ in 0..<50 { try await stop.limit {} }
        #expect(stop.listenerCount == 0)
    }

    @Test("what is under way after a stop ends by itself, or is cancelled when its time is over")
    func limits() async throws {
        let stop = StopSwitch()
        stop.stop(within: .milliseconds(20))
        #expect(stop.isStopping)
        #expect(try await stop.limit { 7 } == 7)
        await #expect(throws: CancellationError.self) {
            try await stop.limit { try await Task.sleep(for: .seconds(600)) }
        }
    }

    @Test("who asks late to hear of a stop hears at once")
    func late() async throws {
        let stop = StopSwitch()
        stop.stop(within: .seconds(600))
        try await stop.untilStop()
        await confirmation { heard in _ = stop.onStop { heard() } }
    }
}
