public import FerryCore

/// An image, and perhaps a snapshot of it, as the command line names them.
///
///     ceph:POOL[/NAMESPACE]/IMAGE[@SNAPSHOT]
///     dir:FOLDER/IMAGE[@SNAPSHOT]
public struct ImageSpec: Hashable, Sendable {
    private enum Place: Hashable, Sendable {
        case ceph(pool: String, namespace: String?)
        case directory(path: String)
    }

    /// The image's name in its store.
    public let image: String
    /// The snapshot's name; nil for the head.
    public let snapshot: String?
    private let place: Place

    /// Reads `text`.
    public init(_ text: String) throws(ImageSpecError) {
        guard let colon = text.firstIndex(of: ":") else { throw ImageSpecError(text, "it has no store before a colon") }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "ceph": try self.init(ceph: rest, of: text)
        case "dir": try self.init(directory: rest, of: text)
        default: throw ImageSpecError(text, "there is no store \(String(text[..<colon]).printable)")
        }
    }

    /// Everything behind the first `@` is the snapshot: pools and images can't have one in their names.
    private init(ceph rest: Substring, of text: String) throws(ImageSpecError) {
        let (path, snapshot) = try Self.split(rest, text)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), !parts.contains("") else {
            throw ImageSpecError(text, "it names no pool and image")
        }
        place = .ceph(pool: parts[0], namespace: parts.count == 3 ? parts[1] : nil)
        image = parts[parts.count - 1]
        self.snapshot = snapshot
    }

    /// A folder may have an `@` in its path, so the image is looked for first.
    private init(directory rest: Substring, of text: String) throws(ImageSpecError) {
        guard let slash = rest.lastIndex(of: "/") else { throw ImageSpecError(text, "it names no folder and image") }
        let (image, snapshot) = try Self.split(rest[rest.index(after: slash)...], text)
        guard !image.isEmpty else { throw ImageSpecError(text, "it names no image") }
        place = .directory(path: slash == rest.startIndex ? "/" : String(rest[..<slash]))
        self.image = String(image)
        self.snapshot = snapshot
    }

    private static func split(
        _ text: Substring, _ whole: String
    ) throws(ImageSpecError) -> (name: Substring, snapshot: String?) {
        guard let at = text.firstIndex(of: "@") else { return (text, nil) }
        let snapshot = text[text.index(after: at)...]
        guard !snapshot.isEmpty else { throw ImageSpecError(whole, "it names no snapshot behind the @") }
        return (text[..<at], String(snapshot))
    }

    /// The store the image is in. What only Ceph needs is not looked at for a folder.
    public func store(cephConf: String, cephUser: String, dataPool: String?) -> StoreConfiguration {
        switch place {
        case .ceph(let pool, let namespace):
            .ceph(
                conf: cephConf, user: cephUser, places: [CephPlace(pool: pool, namespace: namespace)],
                dataPool: dataPool, isQualified: false)
        case .directory(let path): .directory(path: path)
        }
    }
}

/// A text that names no image.
public struct ImageSpecError: Failure, Hashable {
    private let text: String
    private let problem: String

    init(_ text: String, _ problem: String) {
        self.text = text
        self.problem = problem
    }

    /// It has to be typed anew.
    public var disposition: Disposition { .usage }
    /// What was typed, and what is wrong with it.
    public var cause: String { "\(text.printable) names no image: \(problem)" }
    /// What can be typed.
    public var remedy: String {
        "write ceph:POOL/IMAGE[@SNAP], ceph:POOL/NAMESPACE/IMAGE[@SNAP] or dir:FOLDER/IMAGE[@SNAP]"
    }
}
