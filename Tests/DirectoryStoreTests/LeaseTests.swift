import DirectoryStore
import Foundation
import Glibc
import ImageStore
import Testing

@Suite("Leases in a directory store")
struct LeaseTests {
    private let minute = Duration.seconds(60)

    private func makeImage() async throws -> StoreFolder {
        let folder = try await StoreFolder.make()
        try await folder.create("image", [1, 2, 3])
        return folder
    }

    @Test("another process has the lease as long as it lives, and no longer")
    func otherProcess() async throws {
        let folder = try await makeImage()
        let source = try await folder.store.openSource("image")
        let other = Process()
        other.executableURL = URL(filePath: "/usr/bin/flock")
        other.arguments = ["--no-fork", "\(folder.path)/image/lease", "sleep", "600"]
        try other.run()
        defer { kill(other.processIdentifier, SIGKILL) }
        func lease() async -> StoreError.Reason? {
            await reason { await (try source.lease(holder: "us", duration: minute)).release() }
        }
        while await lease() == nil { try await Task.sleep(for: .milliseconds(20)) }
        #expect(await lease() == .locked)
        kill(other.processIdentifier, SIGKILL)
        while await lease() == .locked { try await Task.sleep(for: .milliseconds(20)) }
        let lease = try await source.lease(holder: "us", duration: minute)
        try await lease.renew()
        #expect(try folder.read("image/lease") == Array("us".utf8))
        await lease.release()
        await source.close()
    }

    @Test("another store on the same folder is another holder, and learns whose the lease is")
    func otherStore() async throws {
        let folder = try await makeImage()
        let source = try await folder.store.openSource("image")
        let lease = try await source.lease(holder: "agent on host a", duration: minute)
        let other = try await DirectoryStore.open(folder.path).openSource("image")
        let error = try #require(
            await #expect(throws: StoreError.self) {
                try await other.lease(holder: "agent on host a", duration: minute)
            })
        #expect(error.reason == .locked && error.cause.contains("agent on host a"))
        await lease.release()
        let taken = try await other.lease(holder: "b", duration: minute)
        #expect(try folder.read("image/lease") == Array("b".utf8))
        #expect(await reason { try await lease.renew() } == .locked)
        await taken.release()
        await source.close()
        await other.close()
    }

    @Test("a lease that nobody holds on to is let go")
    func dropped() async throws {
        let folder = try await makeImage()
        let source = try await folder.store.openSource("image")
        _ = try await source.lease(holder: "first", duration: minute)
        await (try source.lease(holder: "second", duration: minute)).release()
        await source.close()
    }

    @Test("a lease whose file someone put away is lost")
    func fileGone() async throws {
        let folder = try await makeImage()
        let source = try await folder.store.openSource("image")
        let lease = try await source.lease(holder: "first", duration: minute)
        try folder.rename("image/lease", to: "image/away")
        #expect(await reason { try await lease.renew() } == .locked)
        let second = try await source.lease(holder: "second", duration: minute)
        #expect(await reason { try await lease.renew() } == .locked)
        await lease.release()
        try await second.renew()
        await second.release()
        await source.close()
    }
}
