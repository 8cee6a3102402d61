import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Agents with several pools and namespaces", .serialized, .enabled(if: Cluster.areThere), .timeLimit(.minutes(2))
    )
    struct AgentUsagePoolTests {
        /// Runs `body` with a namespace of the same name in the pool `rbd` of both clusters.
        private func withNamespaces(
            _ body: (UsageStage, _ namespace: String, _ there: Place, _ here: Place) async throws -> Void
        ) async throws {
            let (first, second) = (try #require(Cluster.first), try #require(Cluster.second))
            try await UsageStage.with(.clusters) { stage in
                let namespace = stage.prefix + "ns"
                for cluster in [first, second] { try await cluster.rbd("namespace", "create", "rbd/\(namespace)") }
                let here = Place.ceph(first, namespace: namespace)
                let there = Place.ceph(second, namespace: namespace)
                let result: Result<Void, any Error>
                do {
                    result = .success(try await body(stage, namespace, there, here))
                } catch {
                    result = .failure(error)
                }
                // Watches of agents that were killed would keep images from being removed.
                await stage.stopAgents()
                for place in [here, there] { try await place.removeImages(prefix: stage.prefix) }
                for cluster in [first, second] { try await cluster.rbd("namespace", "remove", "rbd/\(namespace)") }
                try result.get()
            }
        }

        private func store(_ cluster: Cluster?, _ pools: String) throws -> String {
            "ceph: {conf: \"\(try #require(cluster).confPath)\", user: admin, pools: [\(pools)]}"
        }

        @Test("images land in the pool and namespace that they have at the sender, or in the client's")
        func places() async throws {
            try await withNamespaces { stage, namespace, there, here in
                let (plain, spaced) = (stage.sourceImage("plain"), here.image(stage.prefix + "spaced"))
                for image in [plain, spaced] {
                    try await image.create(byteCount: 1 << 20)
                    try await image.change(.write(seed: 1, offset: 0, byteCount: 1 << 20))
                }
                let receiver = try await stage.startReceiver(
                    "receiver",
                    stage.receiverText(store: try store(Cluster.second, "rbd, rbd/\(namespace)")))
                let rules = ["{match: \"\(stage.prefix)*\"}", "{match: \"rbd/\(namespace)/*\", snapshots: all}"]
                let sender = try await stage.startSender(
                    stage.senderText(
                        store: try store(Cluster.first, "rbd, rbd/\(namespace)"), to: [receiver.port], rules: rules))
                let names = ["rbd/\(namespace)/\(spaced.name)", "rbd/\(plain.name)"].sorted()
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.images.map(\.image) == names)
                let held = try await receiver.status().images.map(\.image).filter { $0.contains(stage.prefix) }
                #expect(held == names)
                try await expectEqual(plain, stage.mirrorImage("plain"))
                try await expectEqual(spaced, there.image(spaced.name))
                #expect(try await stage.mirrorImage("spaced").snapshotNames().isEmpty)

                try stage.write(
                    "receiver.yaml",
                    stage.receiverText(
                        store: try store(Cluster.second, "rbd, rbd/\(namespace)"),
                        clients: "{identity: sender.site-a, images: [\"rbd/\(stage.prefix)*\"], "
                            + "prefix: \(stage.prefix)to-, pool: rbd/\(namespace)}", port: receiver.port))
                receiver.command.signal(SIGHUP)
                try await receiver.waitForLog("took \(receiver.file)")
                let moved = try await sender.sync("--wait", "rbd/\(plain.name)")
                #expect(moved.status == 0, "\(moved.errors)")
                try await expectEqual(plain, there.image("\(stage.prefix)to-\(plain.name)"))
                let refused = try await sender.sync("--wait", "rbd/\(namespace)/\(spaced.name)")
                #expect(refused.status == 12, "\(refused.errors)")
            }
        }

        @Test("an image of a pool that the receiver does not have is refused, with words")
        func unknownPlace() async throws {
            try await withNamespaces { stage, namespace, _, here in
                let image = here.image(stage.prefix + "spaced")
                try await image.create(byteCount: 1 << 20)
                let receiver = try await stage.startReceiver(
                    "receiver", stage.receiverText(store: try store(Cluster.second, "rbd")))
                let sender = try await stage.startSender(
                    stage.senderText(
                        store: try store(Cluster.first, "rbd/\(namespace)"), to: [receiver.port],
                        rules: ["{match: \"\(stage.prefix)*\"}"]))
                let outcome = try await sender.sync("--wait")
                #expect(outcome.status != 0 && outcome.status != 75)
                #expect(outcome.images.first?.error?.contains("rbd/\(namespace)") == true, "\(outcome.errors)")
                #expect(outcome.images.first?.remedy?.isEmpty == false)
            }
        }

        private func expectEqual(_ source: SiteImage, _ mirror: SiteImage) async throws {
            let newest = try #require(try await mirror.snapshotNames().last, "\(mirror.spec) has no snapshot")
            let here = try await source.digest(at: nil)
            let there = try await mirror.digest(at: newest)
            #expect(here == there, "\(mirror.spec) differs")
        }
    }
}
