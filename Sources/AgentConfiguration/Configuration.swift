public import FerryCore
public import Planning
public import SecureTransport

/// Where an agent's images live.
public enum StoreConfiguration: Sendable, Equatable {
    /// A Ceph pool: configuration file, user without `client.`, pool, RADOS namespace, data pool of new images.
    case ceph(conf: String, user: String, pool: String, namespace: String?, dataPool: String?)
    /// A folder of raw sparse files.
    case directory(path: String)

    init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        var reader = reader
        let ceph = try reader.section("ceph")
        let directory = try reader.section("directory")
        try reader.finish()
        switch (ceph, directory) {
        case (.some(var ceph), nil):
            self = .ceph(
                conf: try ceph.text("conf", default: "/etc/ceph/ceph.conf"),
                user: try ceph.text("user", default: "rbd-ferry"), pool: try ceph.text("pool"),
                namespace: try ceph.optionalText("namespace"), dataPool: try ceph.optionalText("data-pool"))
            try ceph.finish()
        case (nil, .some(var directory)):
            self = .directory(path: try directory.path("path"))
            try directory.finish()
        case (nil, nil), (.some, .some):
            throw reader.fault("store must be either ceph or directory", "keep one of the two")
        }
    }
}

extension ConfigurationReader {
    fileprivate mutating func optionalText(_ key: String) throws(ConfigurationError) -> String? {
        let text = try text(key, default: "")
        return text.isEmpty ? nil : text
    }

    fileprivate mutating func tls() throws(ConfigurationError) -> TLSFiles {
        var section = try requiredSection("tls")
        let files = TLSFiles(
            authority: try section.path("authority"), certificate: try section.path("certificate"),
            key: try section.path("key"))
        try section.finish()
        return files
    }

    fileprivate mutating func address(
        _ key: String, default fallback: String? = nil
    ) throws(ConfigurationError) -> HostAndPort {
        let text = try text(key, default: fallback)
        do {
            return try HostAndPort(parsing: text)
        } catch {
            throw fault("\(key): \(error.cause)", error.remedy)
        }
    }
}

/// What `sync now` and the sending agent are told.
public struct SenderConfiguration: Sendable {
    /// A receiver to send to.
    public struct Peer: Sendable, Equatable {
        /// Our name for it; state about it is kept under this name.
        public var name: String
        /// Where it listens.
        public var address: HostAndPort
        /// The name that its certificate must carry.
        public var serverName: String
    }
    /// This site's name, for the peer's log.
    public var site: String
    /// Where the source images live.
    public var store: StoreConfiguration
    /// Our certificate, its key, and the authority that signs the peers'.
    public var tls: TLSFiles
    /// The receivers.
    public var peers: [Peer]
    /// Patterns of the images that are sent when none is named.
    public var images: [String]
    /// The most block content, in bytes, that may have to be sent again after a cut.
    public var checkpointByteCount: UInt64
    /// How changed extents are found.
    public var mode: DiffMode

    /// Reads and checks a file.
    public init(file: String) throws(ConfigurationError) {
        var reader = try ConfigurationReader(file: file)
        site = try reader.text("site")
        store = try StoreConfiguration(try reader.requiredSection("store"))
        tls = try reader.tls()
        peers = []
        for var peer in try reader.sections("peers") { peers.append(try Self.peer(&peer)) }
        images = []
        for var rule in try reader.sections("images") {
            images.append(try rule.text("match"))
            try rule.finish()
        }
        checkpointByteCount =
            UInt64(try reader.number("checkpoint-mib", in: 4...4096, default: 64)) << 20
        let modeName = try reader.text("diff", default: DiffMode.hybrid.rawValue)
        guard let mode = DiffMode(rawValue: modeName) else {
            throw reader.fault(
                "diff must be one of \(DiffMode.allCases.map(\.rawValue).joined(separator: ", "))", "choose one")
        }
        self.mode = mode
        try reader.finish()
        guard !peers.isEmpty else { throw reader.fault("there is no peer to send to", "add one under peers:") }
        guard Set(peers.map(\.name)).count == peers.count else {
            throw reader.fault("two peers have the same name", "give each its own")
        }
    }

    private static func peer(_ reader: inout ConfigurationReader) throws(ConfigurationError) -> Peer {
        let peer = Peer(
            name: try reader.text("name"), address: try reader.address("address"),
            serverName: try reader.text("server-name"))
        try reader.finish()
        return peer
    }
}

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
    }
    /// This site's name, for the peer's log.
    public var site: String
    /// Where to listen.
    public var listen: HostAndPort
    /// Where the mirrors live.
    public var store: StoreConfiguration
    /// Our certificate, its key, and the authority that signs the clients'.
    public var tls: TLSFiles
    /// Who may write what.
    public var clients: [Client]
    /// Connections served at once.
    public var connectionCountMax: Int
    /// Seconds between checkpoints, at most, while data comes.
    public var checkpointSeconds: Int

    /// Reads and checks a file.
    public init(file: String) throws(ConfigurationError) {
        var reader = try ConfigurationReader(file: file)
        site = try reader.text("site")
        listen = try reader.address("listen", default: "127.0.0.1:7440")
        store = try StoreConfiguration(try reader.requiredSection("store"))
        tls = try reader.tls()
        clients = []
        for var client in try reader.sections("clients") { clients.append(try Self.client(&client)) }
        connectionCountMax = try reader.number("connections-max", in: 1...10_000, default: 64)
        checkpointSeconds = try reader.number("checkpoint-seconds", in: 1...3600, default: 5)
        try reader.finish()
        guard !clients.isEmpty else {
            throw reader.fault("no client may write here", "add the sender's identity under clients:")
        }
    }

    private static func client(_ reader: inout ConfigurationReader) throws(ConfigurationError) -> Client {
        let rule = Client(
            identity: try reader.text("identity"), images: try reader.texts("images").map { ImagePattern($0) },
            prefix: try reader.text("prefix", default: ""))
        try reader.finish()
        return rule
    }
}
