import Engine
import FerryCore
import ImageStore
import MemoryStore
import Planning

/// What proofs say, and what both ends keep of it, held against what is so.
extension History {
    // MARK: Alarms

    /// Checks what an end stores about proofs: an alarm is about what is damaged, and ends by a proven repair, or because the
    /// operator says so.
    func checkProofRecord(_ text: String, of image: ImageIdentity) {
        guard let record = decode(ProofRecord.self, text) else { return }
        let before = alarms[image]
        alarms[image] = record.alarm
        if let alarm = record.alarm {
            checkRaised(alarm, before)
        } else if let before {
            checkEnded(before, image)
        }
    }

    private func checkRaised(_ alarm: ProofAlarm, _ before: ProofAlarm?) {
        if before == nil { raisedCount += 1 }
        let (grains, old) = (Grains(alarm.differing).numbers, Grains(before?.differing ?? []).numbers)
        guard grains.isSuperset(of: old), alarm.sinceSeconds <= before?.sinceSeconds ?? .max else {
            return fail("an alarm has shrunk: \(alarm)")
        }
        let added = grains.subtracting(old)
        guard !added.isEmpty else { return }
        Trace.shared.note("alarm about \(alarm.mirror): \(alarm.differing)")
        guard let (key, _) = entry(ofMirror: alarm.mirror) else {
            return fail("an alarm is about \(alarm.mirror), which was never published")
        }
        for number in added where !damage(of: key).touches(Grains.extent(number)) {
            fail("an alarm is raised at \(Grains.extent(number)) of \(alarm.mirror), which nothing damaged")
        }
    }

    private func checkEnded(_ alarm: ProofAlarm, _ image: ImageIdentity) {
        endedCount += 1
        Trace.shared.note("the alarm about \(alarm.mirror) ends")
        if clearsUnderWay > 0 || VirtualExecutor.shared.now <= clearsUntil { return }
        guard let (key, entry) = entry(ofMirror: alarm.mirror), let expected = sourceContents[entry.source] else {
            return fail("the alarm about \(alarm.mirror) is gone, and it was never published")
        }
        let isRepaired = published.contains { other, published in
            guard published.source == entry.source, other != key else { return false }
            let wrong = Damage(published.original.differing(from: expected))
            return !alarm.differing.contains(where: wrong.touches)
        }
        if !isRepaired { fail("the alarm about \(alarm.mirror) is gone, and nothing repaired it") }
    }

    /// Ids of the mirror's snapshots are used once in all of its images.
    private func entry(ofMirror mirror: SnapshotIdentity) -> (Key, Published)? {
        published.first { $0.key.snapshotID == mirror.id }.map { ($0.key, $0.value) }
    }

    // MARK: Reports

    /// What was so before a proof began.
    struct ProofStart {
        let damageCount: Int
        let endedCount: Int
    }

    func beginProof() -> ProofStart { ProofStart(damageCount: damageCount, endedCount: endedCount) }

    /// Checks what a proof told its user.
    func checkReport(_ report: ProofReport, _ settings: ProofSettings, of image: ImageIdentity, since start: ProofStart)
    {
        guard let (key, entry) = entry(ofMirror: report.mirror), let expected = sourceContents[entry.source],
            entry.source == Key(image: image, snapshotID: report.snapshot.id)
        else { return fail("a proof compared \(report.snapshot) with \(report.mirror), which is something else") }
        let found = Grains(report.differing).numbers
        for number in found where !damage(of: key).touches(Grains.extent(number)) {
            fail("a proof found a difference at \(Grains.extent(number)) of \(report.mirror), which nothing damaged")
        }
        if !found.isEmpty { checkAlarmed(report, key, image, start) }
        // What is damaged while it is compared may have been compared before.
        guard start.damageCount == damageCount, report.resumedByteCount == 0 else { return }
        let wrong = Grains(entry.contents.differing(from: expected)).numbers
        let isWhole = settings.scope == .full && report.isComplete
        guard isWhole ? found == wrong : found.isSubset(of: wrong) else {
            return fail("a proof of \(report.snapshot) found \(found.sorted()), and \(wrong.sorted()) are wrong")
        }
        if settings.repairs { checkRepaired(report, key) }
    }

    private func checkAlarmed(_ report: ProofReport, _ key: Key, _ image: ImageIdentity, _ start: ProofStart) {
        foundCount += 1
        guard report.repaired == nil, start.endedCount == endedCount else { return }
        let grains = Grains(report.differing).numbers
        for end in [image, key.image] where !Grains(alarms[end]?.differing ?? []).numbers.isSuperset(of: grains) {
            fail("a proof found a difference in \(report.mirror), and \(end.cluster) keeps no alarm about it")
        }
    }

    private func checkRepaired(_ report: ProofReport, _ wrong: Key) {
        guard report.differingByteCount > 0 else { return }
        guard let repaired = report.repaired, let (key, entry) = entry(ofMirror: repaired) else {
            return fail("\(report.mirror) was to be repaired, and was not")
        }
        repairedCount += 1
        guard key.image == wrong.image, key.snapshotID > wrong.snapshotID,
            let expected = sourceContents[entry.source], entry.contents.reads(as: expected),
            entry.contents.byteCount == expected.byteCount
        else { return fail("\(repaired) was repaired, and is not what \(report.snapshot) is") }
    }
}
