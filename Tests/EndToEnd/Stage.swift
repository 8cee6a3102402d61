import Foundation
import Synchronization
import TestCertificates
import Testing

/// Which kinds of stores a test runs between.
enum StageKind: String, CaseIterable, CustomTestStringConvertible {
    case directories = "directory to directory"
    case clusters = "cluster to cluster"
    case toCluster = "directory to cluster"
    case fromCluster = "cluster to directory"

    var testDescription: String { rawValue }

    /// Those whose clusters are there.
    static var available: [StageKind] { Cluster.areThere ? allCases : [.directories] }
    /// Those with the same store on both sides.
    static var pairs: [StageKind] { available.filter { $0 == .directories || $0 == .clusters } }
}

/// Two sites: a place with sources, a place with mirrors, certificates, and a receiver that can be started.
final class Stage: Sendable {
    let source: Place
    let mirror: Place
    let folder: String
    let certificates: CertificateFolder
    /// Every image of the test is named so at its front; they are removed at its end.
    let prefix = "e2e-" + String(UInt32.random(in: .min ... .max), radix: 36) + "-"
    private let running = Mutex<Receiver?>(nil)

    private init(folder: String, source: Place, mirror: Place) throws {
        self.folder = folder
        self.source = source
        self.mirror = mirror
        certificates = try CertificateFolder()
    }

    /// Sets a stage between two kinds of stores.
    static func with(_ kind: StageKind, _ body: (Stage) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("rbd-ferry-stage-\(UUID().uuidString)").path
        let isSourceCeph = kind == .clusters || kind == .fromCluster
        let isMirrorCeph = kind == .clusters || kind == .toCluster
        let source = isSourceCeph ? Place.ceph(try #require(Cluster.first)) : .directory("\(folder)/source")
        let mirror = isMirrorCeph ? Place.ceph(try #require(Cluster.second)) : .directory("\(folder)/mirror")
        try await with(folder: folder, source: source, mirror: mirror, body)
    }

    /// Sets a stage between two places, starts a receiver, and takes everything away afterwards.
    static func with(
        folder: String = FileManager.default.temporaryDirectory.appendingPathComponent(
            "rbd-ferry-stage-\(UUID().uuidString)"
        ).path,
        source: Place, mirror: Place, _ body: (Stage) async throws -> Void
    ) async throws {
        for part in ["source", "mirror"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        let stage = try Stage(folder: folder, source: source, mirror: mirror)
        let result: Result<Void, any Error>
        do {
            try await stage.startReceiver()
            result = .success(try await body(stage))
        } catch {
            result = .failure(error)
        }
        await stage.killReceiver()
        try FileManager.default.removeItem(atPath: folder)
        for place in [source, mirror] { try await place.removeImages(prefix: stage.prefix) }
        try result.get()
    }

    /// An image on the source's side.
    func sourceImage(_ name: String = "vm") -> SiteImage { source.image(prefix + name) }

    /// An image on the mirror's side.
    func mirrorImage(_ name: String = "vm") -> SiteImage { mirror.image(prefix + name) }

    /// Makes a source image, full of random bytes.
    @discardableResult
    func makeSource(_ name: String = "vm", byteCount: Int, options: [String] = []) async throws -> SiteImage {
        let image = sourceImage(name)
        try await image.create(byteCount: byteCount, options: options)
        try await image.change(.write(seed: 1, offset: 0, byteCount: byteCount))
        return image
    }

    /// Every snapshot on the mirror equals the source's of that name, as the stock tools read them; and there are
    /// so many.
    func expectEqual(
        _ name: String = "vm", snapshotCount: Int, _ comment: Comment? = nil,
        location: SourceLocation = #_sourceLocation
    ) async throws {
        let names = try await mirrorImage(name).snapshotNames()
        #expect(names.count == snapshotCount, comment, sourceLocation: location)
        for snapshot in names {
            async let there = mirrorImage(name).digest(at: snapshot)
            let here = try await sourceImage(name).digest(at: snapshot)
            let mirrored = try await there
            #expect(here == mirrored, "\(snapshot) differs. \(comment?.rawValue ?? "")", sourceLocation: location)
        }
    }
}

// MARK: The agents

extension Stage {
    /// The receiver that runs.
    var receiver: Receiver {
        get throws { try #require(running.withLock { $0 }, "no receiver was started") }
    }

    /// Starts the receiver; one that was killed before, again. `images` are the patterns it allows, `seeded` those whose
    /// mirrors others may fill, `keep` is what it keeps, `port` is where it listens: for 0 somewhere.
    func startReceiver(
        images: String = "*", seeded: String? = nil, keep: String = "all", port: Int = 0
    ) async throws {
        await killReceiver()
        let path = try write(
            "receiver.yaml",
            """
            site: b
            listen: 127.0.0.1:\(port)
            store:
              \(mirror.configuration)
            tls: {authority: \(certificates.file("ca.pem")), certificate: \(certificates.file("receiver.pem")), \
            key: \(certificates.file("receiver.key"))}
            clients:
              - {identity: sender.site-a, images: ["\(images)"], keep: \(keep)\(seeded.map { ", seeded: [\"\($0)\"]" } ?? "")}
            stop-within: 2s
            control: \(receiverSocketPath)
            status-listen: none
            """)
        let receiver = try await Receiver.start(configurationPath: path)
        running.withLock { $0 = receiver }
    }

    /// Where the receiver is asked how it is.
    var receiverSocketPath: String { "\(folder)/receiver.sock" }

    /// Kills the receiver as a power cut would.
    func killReceiver() async {
        await running.withLock { $0 }?.command.killNow()
    }

    /// Runs `sync now` to its end: of the image `vm` when none is named.
    func sync(_ arguments: String..., settings: SenderSettings? = nil) async throws -> SyncOutcome {
        try SyncOutcome(try await startSync(arguments, settings: settings).outcome())
    }

    /// Starts `sync now`: of the image `vm` when nothing is named.
    func startSync(_ arguments: [String] = [], settings: SenderSettings? = nil) throws -> RunningCommand {
        let settings = try settings ?? SenderSettings(port: receiver.port)
        let path = try write("sender-\(UUID().uuidString).yaml", settings.text(source, certificates))
        let what = arguments.isEmpty ? [prefix + "vm"] : arguments
        return try RunningCommand(FerryBinary.path, ["sync", "now", "--json", "--config", path] + what)
    }

    /// Runs `sync now` until it is done, as an operator would after a temporary failure; the last outcome.
    func syncUntilDone() async throws -> SyncOutcome {
        var outcome = try await sync()
        try await eventually("a sync ends well; the last one said: \(outcome.errors)", within: .seconds(90)) {
            guard [11, 75].contains(outcome.status) else { return true }
            outcome = try await sync()
            return outcome.status == 0
        }
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome
    }

    /// Makes the clusters notice killed clients sooner than after their 30 s; not below twice the 5 s at which
    /// clients say that they live.
    func forgetDeadClients(afterSeconds seconds: Int) async throws {
        for case .ceph(let cluster, _, _) in [source, mirror] {
            try await cluster.ceph("config", "set", "osd", "osd_client_watch_timeout", "\(seconds)")
        }
    }

    /// Writes a file in the stage's folder; its path.
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        return "\(folder)/\(name)"
    }
}

/// What a test puts into the sender's configuration.
struct SenderSettings: Sendable {
    var port: Int
    var serverName = "receiver.site-b"
    var checkpointMebibytes = 8
    /// The certificate's and its key's names in the stage's folder, or whole paths.
    var certificate: String?
    var key: String?
    var authority: String?
    /// Lines at the end.
    var more = ""

    func text(_ source: Place, _ certificates: CertificateFolder) -> String {
        """
        site: a
        store:
          \(source.configuration)
        tls:
          authority: \(authority ?? certificates.file("ca.pem"))
          certificate: \(certificate ?? certificates.file("sender.pem"))
          key: \(key ?? certificates.file("sender.key"))
        peers:
          - {name: b, address: "127.0.0.1:\(port)", server-name: \(serverName)}
        checkpoint-mib: \(checkpointMebibytes)
        \(more)
        """
    }
}
