import Testing

@testable import Engine

@Suite("How much a proof with a bound of time asks at once")
struct QuestionPaceTests {
    @Test(
        "one leaf before anything is answered; then what fits into the time that is left, 1 to 16",
        arguments: [
            (asked: 0, answered: 0, spent: 0, left: 60, expected: 1),
            (asked: 2, answered: 0, spent: 30, left: 30, expected: 1),
            // A second a leaf.
            (asked: 3, answered: 1, spent: 1, left: 59, expected: 16),
            (asked: 50, answered: 40, spent: 40, left: 20, expected: 10),
            (asked: 50, answered: 40, spent: 40, left: 11, expected: 1),
            (asked: 50, answered: 40, spent: 40, left: 2, expected: 1),
            // A leaf in 20 seconds.
            (asked: 3, answered: 1, spent: 20, left: 40, expected: 1),
            (asked: 3, answered: 3, spent: 60, left: 120, expected: 6),
            (asked: 9, answered: 9, spent: 9, left: 0, expected: 1),
            (asked: 9, answered: 9, spent: 0, left: 9, expected: 16),
        ])
    func leafCount(_ row: (asked: Int, answered: Int, spent: Int, left: Int, expected: Int)) {
        let pace = QuestionPace(askedCount: row.asked, answeredCount: row.answered)
        #expect(pace.leafCount(spent: .seconds(row.spent), left: .seconds(row.left)) == row.expected)
    }
}
