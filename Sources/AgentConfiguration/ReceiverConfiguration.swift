import FerryCore
public import Foundation
public import Planning
public import SecureTransport

/// What the receiving agent is told.
public struct ReceiverConfiguration: Sendable {
    /// A sender that may write here.
    public struct Client: Sendable, Hashable {
        /// A name that its certificate must carry as a subject alternative name.
        public var identity: String
        /// Images it may write, by the sender's name for them.
        public var images: [ImagePattern]
        /// Put in front of an image's name to get the mirror's.
        public var prefix: String
        /// Where its mirrors go, as `POOL` or `POOL/NAMESPACE`: one of the store's places. Nil: the store's only
        /// place, or, in a store with several, the one of the image's at the sender.
        public var place: String?
        /// Which of its mirrors' snapshots stay.
        public var keep: Retention
        /// Connections that it may have at once; nil: as many as there may be in all.
        public var connectionCountMax: Int?
        /// Mirrors that it may have; nil: any number.
        public var imageCountMax: Int?
        /// Size that its mirrors may have together; nil: any.
        public var byteCountMax: ByteSize?
        /// Images, by the sender's name for them, whose mirrors may be images that others made and filled.
        public var seeded: [ImagePattern]
    }
    /// This site's name, for the peer's log.
    public var site: String
    /// Where to listen.
    public var listen: HostAndPort
    /// Where the mirrors live.
    public var store: StoreConfiguration
    /// Our certificate, its key, and the authority that signs the clients'.
    public var tls: TLSFiles
    /// Who may write what; at least one.
    public var clients: [Client]
    /// Connections served at once.
    public var connectionCountMax: Int
    /// Seconds between checkpoints, at most, while data comes.
    public var checkpointSeconds: Int
    /// How long a transfer may go without a whole block.
    public var blockWithin: TimeSpan
    /// What both agents are told in the same words.
    public var agent: AgentSettings

    /// Reads and checks a file. Throws every fault that is in it.
    public init(
        file: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationFaults) {
        let reading = ConfigurationReading(file: file, environment: environment)
        let root = try ConfigurationSection(file: reading)
        self = try reading.result(ReceiverConfiguration(root))
    }
}

extension ReceiverConfiguration {
    static let keys = [
        "site", "listen", "store", "tls", "clients", "connections-max", "checkpoint-seconds", "block-within",
        "hang-after", "stop-within", "control", "status-listen",
    ]
    /// Where the control socket is when the file does not say.
    public static let controlPath = "/run/rbd-ferry/receiver.sock"
    static let statusPort = 7442

    /// Reads a whole file; nil when a fault was noted.
    init?(_ root: ConfigurationSection) {
        var root = root
        let site = root.requiredText("site")
        listen = root.address("listen") ?? HostAndPort(host: "127.0.0.1", port: 7440)
        let store = StoreConfiguration(root.requiredSection("store"))
        let tls = TLSFiles(root.requiredSection("tls"))
        clients = Self.clients(&root, store: store)
        connectionCountMax = root.number("connections-max", in: 1...10_000, default: 64)
        checkpointSeconds = root.number("checkpoint-seconds", in: 1...3600, default: 5)
        blockWithin = root.timeSpan("block-within", in: TimeLimits.blockWithin) ?? TimeSpan(seconds: 3600)
        agent = AgentSettings(&root, controlPath: Self.controlPath, statusPort: Self.statusPort)
        root.finish()
        guard let site, let store, let tls else { return nil }
        self.site = site
        self.store = store
        self.tls = tls
    }

    private static func clients(_ root: inout ConfigurationSection, store: StoreConfiguration?) -> [Client] {
        var clients: [Client] = []
        var identities = Set<String>()
        let faultCount = root.reading.faults.count
        for var section in root.sections("clients") {
            let identity = section.requiredText("identity")
            if let identity, !identities.insert(identity).inserted {
                section.note("two clients have the same identity", "make one of them", at: "identity")
            }
            section.require("images")
            let images = section.texts("images")
            let prefix = section.emptiableText("prefix") ?? ""
            let place = place(&section, store: store)
            let keep = Retention(&section) ?? .all
            let connectionCountMax = section.optionalNumber("connections-max", in: 1...10_000)
            let imageCountMax = section.optionalNumber("images-max", in: 1...1_000_000)
            let byteCountMax = section.byteSize("bytes-max")
            let seeded = section.texts("seeded") ?? []
            // One without wildcards is a name.
            for name in seeded where !name.contains(where: "*?[".contains) {
                guard let images, !images.contains(where: { ImagePattern($0).matches(name) }) else { continue }
                section.note(
                    "seeded names \(name.printable), which this client may not write",
                    "name one of its images, or add it to images", at: "seeded")
            }
            section.finish()
            guard let identity, let images else { continue }
            clients.append(
                Client(
                    identity: identity, images: images.map { ImagePattern($0) }, prefix: prefix, place: place,
                    keep: keep, connectionCountMax: connectionCountMax, imageCountMax: imageCountMax,
                    byteCountMax: byteCountMax, seeded: seeded.map { ImagePattern($0) }))
        }
        if clients.isEmpty, root.reading.faults.count == faultCount {
            root.note("no client may write here", "add the sender's identity under clients:", at: "clients")
        }
        return clients
    }

    private static func place(_ section: inout ConfigurationSection, store: StoreConfiguration?) -> String? {
        guard let text = section.text("pool"), let store else { return nil }
        let places = store.places.map(\.description)
        guard !places.contains(text) else { return text }
        section.note(
            "\(text.printable) is none of the store's pools",
            places.isEmpty ? "leave it out: a folder has no pools" : "there are: \(places.joined(separator: ", "))",
            at: "pool")
        return nil
    }
}
