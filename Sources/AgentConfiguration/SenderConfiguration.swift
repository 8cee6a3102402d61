public import FerryCore
public import Foundation
public import Planning
public import SecureTransport

/// What `sync now` and the sending agent are told.
public struct SenderConfiguration: Sendable {
    /// A receiver to send to.
    public struct Peer: Sendable, Hashable {
        /// Our name for it; state about it is kept under this name.
        public var name: String
        /// Where it listens.
        public var address: HostAndPort
        /// The name that its certificate must carry.
        public var serverName: String
        /// How fast blocks are sent to it.
        public var limit: RateLimit
    }
    /// This site's name, for the peer's log.
    public var site: String
    /// Where the source images live.
    public var store: StoreConfiguration
    /// Our certificate, its key, and the authority that signs the peers'.
    public var tls: TLSFiles
    /// The receivers; at least one.
    public var peers: [Peer]
    /// What is done with which images.
    public var rules: RuleList<ImageSettings>
    /// How changed extents are found when a rule does not say.
    public var mode: DiffMode
    /// What is done when no snapshot is on both ends any more, when a rule does not say.
    public var onLostBase: LostBasePolicy
    /// Transfers at once, 1 to 64.
    public var parallelCount: Int
    /// The most block content, in bytes, that may have to be sent again after a cut.
    public var checkpointByteCount: UInt64
    /// How hard blocks are compressed.
    public var compression: CompressionPolicy
    /// How fast blocks are sent to all peers together.
    public var limit: RateLimit
    /// How fast the source store is read.
    public var readLimit: RateLimit
    /// How long a base is held for a peer that is away, from the first run on that fails.
    public var holdBaseMax: TimeSpan
    /// How often the store is looked through for new images.
    public var scanEvery: TimeSpan
    /// What both agents are told in the same words.
    public var agent: AgentSettings

    /// Reads and checks a file. Throws every fault that is in it.
    public init(
        file: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationFaults) {
        let reading = ConfigurationReading(file: file, environment: environment)
        let root = try ConfigurationSection(file: reading)
        self = try reading.result(SenderConfiguration(root))
    }

    /// What is done with an image about which no rule says anything.
    public var defaults: ImageSettings { ImageSettings(peers: peers.map(\.name), mode: mode, onLostBase: onLostBase) }

    /// What is done with an image that is asked for by name: as its deciding rule says, and by default when there is
    /// none or it leaves the image out.
    public func settings(for image: String) -> ImageSettings {
        rules.deciding(image)?.settings ?? defaults
    }
}

extension SenderConfiguration {
    static let keys = [
        "site", "store", "tls", "peers", "images", "diff", "on-lost-base", "parallel", "checkpoint-mib",
        "compression", "limit", "read-limit", "hold-base-max", "scan-every", "hang-after", "stop-within", "control",
        "status-listen",
    ]
    /// Where the control socket is when the file does not say.
    public static let controlPath = "/run/rbd-ferry/sender.sock"
    static let statusPort = 7441

    /// Reads a whole file; nil when a fault was noted.
    init?(_ root: ConfigurationSection) {
        var root = root
        let site = root.requiredText("site")
        let store = StoreConfiguration(root.requiredSection("store"))
        let tls = TLSFiles(root.requiredSection("tls"))
        let (peers, names) = Self.peers(&root)
        let mode = root.choice("diff", among: ImageSettings.modes, default: .hybrid)
        let onLostBase = root.choice("on-lost-base", default: LostBasePolicy.refuse)
        let rule = ImageRule(
            defaults: ImageSettings(peers: names, mode: mode, onLostBase: onLostBase), peerNames: names,
            // A store with a fault of its own must not be the cause of others.
            isQualified: store?.isQualified ?? true)
        rules = RuleList(root.sections("images").compactMap { rule.read($0) })
        parallelCount = root.number("parallel", in: 1...64, default: 4)
        checkpointByteCount = UInt64(root.number("checkpoint-mib", in: 4...4096, default: 64)) << 20
        compression = root.compression("compression")
        limit = root.rateLimit("limit")
        readLimit = root.rateLimit("read-limit")
        holdBaseMax = root.timeSpan("hold-base-max", in: TimeLimits.holdBaseMax) ?? TimeSpan(seconds: 30 * 86_400)
        scanEvery = root.timeSpan("scan-every", in: TimeLimits.scanEvery) ?? TimeSpan(seconds: 60)
        agent = AgentSettings(&root, controlPath: Self.controlPath, statusPort: Self.statusPort)
        root.finish()
        guard let site, let store, let tls else { return nil }
        self.site = site
        self.store = store
        self.tls = tls
        self.peers = peers
        self.mode = mode
        self.onLostBase = onLostBase
    }

    /// The peers without faults, and the names of all.
    private static func peers(_ root: inout ConfigurationSection) -> (peers: [Peer], names: [String]) {
        var names: [String] = []
        var peers: [Peer] = []
        let faultCount = root.reading.faults.count
        for var section in root.sections("peers") {
            let name = peerName(&section, taken: names)
            let address = section.requiredAddress("address")
            let serverName = section.requiredText("server-name")
            let limit = section.rateLimit("limit")
            section.finish()
            if let name { names.append(name) }
            guard let name, let address, let serverName else { continue }
            peers.append(Peer(name: name, address: address, serverName: serverName, limit: limit))
        }
        if peers.isEmpty, root.reading.faults.count == faultCount {
            root.note("there is no peer to send to", "add one under peers:", at: "peers")
        }
        return (peers, names)
    }

    /// The name is part of the keys under which state is kept with images.
    private static func peerName(_ section: inout ConfigurationSection, taken: [String]) -> String? {
        guard let name = section.requiredText("name") else { return nil }
        guard name.utf8.allSatisfy(isNameByte) else {
            section.note(
                "\(name.printable) can't be a peer's name", "use letters, digits, and the signs - _ .", at: "name")
            return nil
        }
        if taken.contains(name) {
            section.note("two peers have the same name", "give each its own", at: "name")
        }
        return name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }
}
