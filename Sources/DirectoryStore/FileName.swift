import ImageStore

/// Names become parts of paths, and some come from a peer: only those that stay in their folder pass.
enum FileName {
    /// Longest name a Linux file system takes, in bytes.
    static let byteCountMax = 255
    /// What snapshot files end with.
    static let snapshotSuffix = ".raw"
    /// What begins the names of things that are being made or removed. No image or snapshot can be called so.
    static let temporaryPrefix = ".rbd-ferry-"
    static let head = "head.raw"
    static let record = "image.json"
    static let recordLock = ".image.json.lock"
    static let lock = "lock"
    static let lease = "lease"
    static let snapshots = "snapshots"
    static let store = "store.json"

    /// A name for something that is being made.
    static func temporary() -> String {
        temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 16)
    }

    /// Throws `.unsupported` unless `name` can name an image's folder.
    static func checkImage(_ name: String, _ operation: String) throws(StoreError) {
        try check(name, byteCountMax: byteCountMax, operation, "image \(quoted(name))")
        guard name != store else {
            throw StoreError(.unsupported, operation, "image \(name)", detail: "the store has a file of that name")
        }
    }

    /// The file of a snapshot. Throws `.unsupported` for a name that can't be in one.
    static func snapshot(_ name: String, _ operation: String) throws(StoreError) -> String {
        let byteCountMax = byteCountMax - snapshotSuffix.utf8.count
        try check(name, byteCountMax: byteCountMax, operation, "snapshot \(quoted(name))")
        return name + snapshotSuffix
    }

    private static func check(
        _ name: String, byteCountMax: Int, _ operation: String, _ subject: String
    ) throws(StoreError) {
        guard let trouble = trouble(with: name, byteCountMax: byteCountMax) else { return }
        throw StoreError(
            .unsupported, operation, subject, detail: "in a directory store \(trouble)",
            remedy: "give it another name, or use a store that takes this one")
    }

    private static func trouble(with name: String, byteCountMax: Int) -> String? {
        if name.isEmpty { return "a name can't be empty" }
        if name.utf8.count > byteCountMax { return "a name has at most \(byteCountMax) bytes" }
        if name.utf8.first == UInt8(ascii: ".") { return "a name can't begin with a dot" }
        if name.utf8.contains(UInt8(ascii: "/")) { return "a name can't contain a slash" }
        let hasControl = name.unicodeScalars.contains { $0.properties.generalCategory == .control }
        return hasControl ? "a name can't contain control characters" : nil
    }

    /// The name as it can be shown on one line.
    private static func quoted(_ name: String) -> String {
        name.prefix(64).debugDescription
    }
}
