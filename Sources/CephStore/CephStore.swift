import FerryCore
public import ImageStore
import Synchronization

/// Images in a Ceph pool, through librbd.
public final class CephStore: ImageStore {
    /// `ceph:pool`, or `ceph:pool/namespace`.
    public var location: String { "ceph:\(place.spec)" }

    /// A pool, with the connection that it can be opened over again.
    private struct Opened: Sendable {
        let connection: CephConnection
        let pool: RadosPool
    }

    private let place: CephLocation
    /// Nil once the store is closed.
    private let opened: Mutex<Opened?>

    private init(_ place: CephLocation, _ opened: Opened) {
        self.place = place
        self.opened = Mutex(opened)
    }

    /// Connects to the cluster and opens the pool. When the cluster does not answer this throws `.unavailable`
    /// after about 20 s. Other errors: `.notFound` for the configuration file, the pool or the namespace,
    /// `.notPermitted` for the user and its key.
    public static func open(_ location: CephLocation) async throws(StoreError) -> CephStore {
        let connection = try await connect(confPath: location.confPath, user: location.user)
        return try await open(location, over: connection)
    }

    /// Opens several pools and namespaces of one cluster over one connection, as a store whose images are called
    /// POOL/IMAGE or POOL/NAMESPACE/IMAGE. Images that are created take their data to `dataPool`, if that is given.
    /// Throws like opening one.
    public static func open(
        conf: String, user: String, places: [(pool: String, namespace: String?)], dataPool: String?
    ) async throws(StoreError) -> PlacedStores {
        let connection = try await connect(confPath: conf, user: user)
        var stores: [String: CephStore] = [:]
        for place in places {
            let location = CephLocation(
                confPath: conf, user: user, pool: place.pool, namespace: place.namespace, dataPool: dataPool)
            stores[location.spec] = try await open(location, over: connection)
        }
        return PlacedStores(stores)
    }

    private static func connect(confPath: String, user: String) async throws(StoreError) -> CephConnection {
        try await run("connect as client.\(user) with", confPath) { () throws(CephError) in
            try CephConnection(confPath: confPath, user: user)
        }
    }

    private static func open(
        _ location: CephLocation, over connection: CephConnection
    ) async throws(StoreError) -> CephStore {
        let opened = try await run("open the pool", location.spec) { () throws(CephError) in
            try open(location, over: connection, insteadOf: nil)
        }
        return CephStore(location, opened)
    }

    private static func open(
        _ location: CephLocation, over connection: CephConnection, insteadOf lost: RadosPool?
    ) throws(CephError) -> Opened {
        let cluster = try connection.cluster(insteadOf: lost?.cluster)
        let pool = try RadosPool(cluster, pool: location.pool, namespace: location.namespace)
        return Opened(connection: connection, pool: pool)
    }

    /// Names of all images in the pool or namespace, sorted.
    public func imageNames() async throws(StoreError) -> [String] {
        try await run("list the images of", place.spec) { pool throws(CephError) in
            try pool.imageNames().sorted()
        }
    }

    /// Opens an image to send from.
    public func openSource(_ name: String) async throws(StoreError) -> any SourceImage {
        try await openImage(name, .momentary)
    }

    /// Opens an image to apply to; nil when there is none of that name.
    public func openMirror(_ name: String) async throws(StoreError) -> (any MirrorImage)? {
        do throws(StoreError) {
            return try await openImage(name, .watching)
        } catch  where error.reason == .notFound {
            return nil
        }
    }

    /// Creates an image with the features layering, exclusive-lock, object-map, fast-diff and deep-flatten.
    public func createMirror(
        _ name: String, byteCount: UInt64, layout: ImageLayout
    ) async throws(StoreError) -> any MirrorImage {
        let options = ImageOptions(layout, byteCount: byteCount, dataPool: place.dataPool)
        return try await run("create", subject(name)) { [subject = subject(name)] pool throws(CephError) in
            try Self.checkNewImage(name, byteCount, layout)
            try pool.create(name, byteCount: byteCount, options)
            return try CephImage(pool, name, .watching, subject: subject)
        }
    }

    /// Lets go of the connection, which ends when the last image that was opened here is closed.
    public func close() async {
        // The last reference goes on a thread of ours, because ending the connection blocks.
        let last = Mutex(opened.withLock { $0.take() })
        await CephThreads.control.run { last.withLock { $0 = nil } }
    }

    private func openImage(
        _ name: String, _ access: RBDHandle.Access
    ) async throws(StoreError) -> CephImage {
        try await run("open", subject(name)) { [subject = subject(name)] pool throws(CephError) in
            try CephImage(pool, name, access, subject: subject)
        }
    }

    private func subject(_ name: String) -> String { "\(place.spec)/\(name)" }

    private static func checkNewImage(
        _ name: String, _ byteCount: UInt64, _ layout: ImageLayout
    ) throws(CephError) {
        let hasSign = name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "@") }
        guard !name.isEmpty, name.utf8.count <= Limits.nameByteCountMax, !hasSign else {
            throw CephError(.unsupported, "an image's name must not be empty, and have no / or @ in it")
        }
        guard layout.isValid else { throw CephError(.unsupported, "no image can have the layout \(layout)") }
        guard byteCount <= Limits.imageByteCountMax else {
            throw CephError(.unsupported, "\(byteCount) bytes are more than \(Limits.imageByteCountMax)")
        }
    }

    private func run<Result: Sendable>(
        _ operation: String, _ subject: String,
        _ body: @escaping @Sendable (RadosPool) throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        guard let opened = opened.withLock(\.self) else {
            throw StoreError(.unavailable, operation, subject, detail: "the store is closed")
        }
        return try await Self.run(operation, subject) { () throws(CephError) in
            do throws(CephError) {
                return try body(opened.pool)
            } catch  where error.isCutOff {
                return try body(self.reopen(instead: opened))
            }
        }
    }

    /// The pool over a connection that is not cut off. Blocks.
    private func reopen(instead lost: Opened) throws(CephError) -> RadosPool {
        if let other = opened.withLock(\.self)?.pool, other !== lost.pool { return other }
        let new = try Self.open(place, over: lost.connection, insteadOf: lost.pool)
        opened.withLock { opened in
            // A store that was closed meanwhile stays closed.
            if opened != nil { opened = new }
        }
        return new.pool
    }

    private static func run<Result: Sendable>(
        _ operation: String, _ subject: String, _ body: @escaping @Sendable () throws(CephError) -> Result
    ) async throws(StoreError) -> Result {
        do throws(CephError) {
            return try await CephThreads.control.run(body)
        } catch {
            throw error.about(operation, subject)
        }
    }
}
