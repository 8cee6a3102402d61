import Testing

@testable import Engine

@Suite("The choice of the zstd level")
struct CompressionGovernorTests {
    /// The levels after each of `count` windows like this one.
    private func levels(
        _ governor: inout CompressionGovernor, _ count: Int, link: Double, starved: Double?
    ) -> [Int?] {
        (0..<count).map { _ in
            governor.observe(CompressionGovernor.Window(linkShare: link, starvedShare: starved))
            return governor.level
        }
    }

    @Test("it begins with zstd's fastest usual level")
    func begin() {
        #expect(CompressionGovernor().level == 1)
    }

    @Test("a link that everyone waits for makes it compress harder, step by step, up to the last")
    func slowLink() {
        var governor = CompressionGovernor()
        let levels = levels(&governor, 10, link: 0.9, starved: 0.9)
        #expect(levels.first == 3 && levels.last == 6)
    }

    @Test("a link that nobody waits for makes it stop compressing")
    func fastLink() {
        var governor = CompressionGovernor()
        #expect(levels(&governor, 5, link: 0.05, starved: 0.6).last == .some(nil))
    }

    @Test("a receiver that is held up by its own store is no reason to compress")
    func slowStore() {
        var governor = CompressionGovernor()
        #expect(levels(&governor, 5, link: 0.95, starved: 0.05).last == .some(nil))
    }

    @Test("before the receiver has told how it is, a busy link changes nothing")
    func unknown() {
        var governor = CompressionGovernor()
        #expect(levels(&governor, 20, link: 0.9, starved: nil).allSatisfy { $0 == 1 })
    }

    @Test("in between it stays where it is")
    func between() {
        var governor = CompressionGovernor()
        #expect(levels(&governor, 20, link: 0.4, starved: 0.4).allSatisfy { $0 == 1 })
    }

    @Test("where two levels are each wrong, it settles and tries again ever more rarely")
    func settles() {
        var governor = CompressionGovernor()
        var changeCounts: [Int] = []
        for _ in 0..<4 {
            var changes = 0
            for _ in 0..<1000 {
                let before = governor.level
                // Without compression all wait for the link; with it for the processors.
                let link = before == nil ? 0.9 : 0.1
                governor.observe(CompressionGovernor.Window(linkShare: link, starvedShare: 0.6))
                if governor.level != before { changes += 1 }
            }
            changeCounts.append(changes)
        }
        #expect(changeCounts[0] <= 40, "\(changeCounts)")
        #expect((changeCounts.last ?? .max) <= 6, "\(changeCounts)")
    }

    @Test("when the link becomes the bottleneck later, it goes back to compressing")
    func linkGetsSlow() {
        var governor = CompressionGovernor()
        _ = levels(&governor, 100, link: 0.05, starved: 0.5)
        #expect(governor.level == nil)
        #expect(levels(&governor, 200, link: 0.9, starved: 0.9).last == 6)
    }
}
