public import Control
import FerryCore
import Foundation
import Planning

extension SenderAgent: AgentControl {
    /// Makes runs due now, or joins those under way.
    public func sync(_ request: SyncRequest, isWaiting: Bool) async throws -> [SyncReply] {
        guard !stopSwitch.isStopping else { throw AgentStopping() }
        // Images may have been made since the store was looked through last.
        await scanNow()
        let lanes = try select(request)
        return await withTaskGroup(of: SyncReply.self) { group in
            for lane in lanes {
                group.addTask {
                    await lane.request(isWaiting: isWaiting, reconciles: request.reconciles ?? false)
                }
            }
            var replies: [SyncReply] = []
            for await reply in group { replies.append(reply) }
            return replies.sorted { ($0.image, $0.peer) < ($1.image, $1.peer) }
        }
    }

    private func select(_ request: SyncRequest) throws -> [Lane] {
        let all = allLanes.filter { request.peer == nil || $0.key.peer == request.peer }
        guard !request.images.isEmpty else {
            guard !all.isEmpty else { throw UnknownImage(pattern: nil, peer: request.peer) }
            return all
        }
        var selected: [Lane] = []
        for pattern in request.images {
            let matching = all.filter { ImagePattern(pattern).matches($0.key.image) }
            guard !matching.isEmpty else { throw UnknownImage(pattern: pattern, peer: request.peer) }
            selected += matching.filter { lane in !selected.contains { $0 === lane } }
        }
        return selected
    }
}

/// Nothing that the agent's rules name was asked for.
struct UnknownImage: Failure {
    let pattern: String?
    let peer: String?

    var disposition: Disposition { .permanent }
    var cause: String {
        "no image that the agent's rules name matches \(pattern ?? "")" + (peer.map { " for peer \($0)" } ?? "")
    }
    var remedy: String {
        "`rbd-ferry config match` tells what the rules decide; `sync now --no-agent` syncs images that they leave out"
    }
}
