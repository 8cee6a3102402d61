/// How much a proof whose time is bounded asks at once: little before its pace is known, and little towards the end, so that
/// not much is under way when time is up.
struct QuestionPace {
    /// Leaves that were asked about.
    var askedCount = 0
    /// Those of them that were answered.
    var answeredCount = 0

    /// Leaves that the next question may be about, from 1 to `ProofComparison.leafCountMax`: what can still be answered in
    /// time at the pace so far, without what is under way.
    func leafCount(spent: Duration, left: Duration) -> Int {
        guard answeredCount > 0, left > .zero else { return 1 }
        let answerable = left / spent * Double(answeredCount)
        let free = answerable - Double(askedCount - answeredCount)
        return Int(min(max(free, 1), Double(ProofComparison.leafCountMax)))
    }
}
