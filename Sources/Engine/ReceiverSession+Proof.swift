import Conversation
import FerryCore
import Logging
import Planning

extension ReceiverSession {
    /// Takes a proof from its offer to its result. It needs no claim on the mirror: syncs go on beside it.
    func prove(_ offer: Offer, under rule: ClientPolicy.Rule) async throws {
        let mirrorName: String
        let service: ProofService
        do {
            mirrorName = try environment.policy.mirrorName(of: offer.image, under: rule)
            service = try await ProofService.open(
                offer, mirrorName: mirrorName, store: environment.store, claims: environment.claims)
        } catch let failure as any Failure {
            return try await refuse(offer, failure)
        }
        do {
            let record = try await answerQuestions(service)
            await service.close()
            environment.observe(.proven(mirror: mirrorName, client: rule.identity, record: record))
        } catch {
            await service.close()
            throw error
        }
    }

    private func answerQuestions(_ service: ProofService) async throws -> ProofRecord {
        let plan = service.plan
        try await answer(.prove(base: plan.snapshot, mirror: plan.mirror, byteCount: service.byteCount))
        let answers = DigestAnswers(service.digester(environment.workers)) { digests in
            // What was read of a snapshot that is gone may be anything, and would be taken for a difference.
            try await service.checkStillThere()
            self.machine.withLock { $0.answered(digests) }
            try await self.writer.send(.digests(digests))
        }
        let watch = WaitWatch(limit: environment.limits.answerMax, phase: "the sender's next question")
        let result = try await watch.run {
            try await answers.serve {
                while true {
                    switch try await watch.waiting({ try await self.nextEvent() }) {
                    case .asked(let query)?: answers.take(query)
                    case .proved(let result)?: return result
                    case let event: try self.throwEnd(event)
                    }
                }
            }
        }
        try await service.checkStillThere()
        let record = try await service.store(result, at: environment.now())
        try await writer.send(.committed(machine.withLock { $0.concluded() }))
        tell(result, service)
        return record
    }

    private func tell(_ result: ProofResult, _ service: ProofService) {
        let plan = service.plan
        let mirror = "\(service.mirrorName)@\(plan.mirror)"
        var metadata: Logger.Metadata = [
            "scope": "\(result.scope)", "compared_bytes": "\(result.comparedByteCount)",
            "image_bytes": "\(result.imageByteCount)",
        ]
        if result.differingByteCount > 0 {
            let first = result.differing.prefix(3).map { "\($0.offset)+\($0.byteCount)" }
            metadata["differing_bytes"] = "\(result.differingByteCount)"
            metadata["first"] = "\(first.joined(separator: " "))"
            metadata["remedy"] = "run verify --repair at the sender, and see why the two differ"
            logger.warning("\(mirror) is not what \(plan.snapshot) is at the source", metadata: metadata)
        } else if result.endsAlarm {
            logger.warning("no alarm about \(service.mirrorName) stands, as its sender says", metadata: metadata)
        } else {
            logger.info("\(mirror) was compared, and nothing differs", metadata: metadata)
        }
    }
}
