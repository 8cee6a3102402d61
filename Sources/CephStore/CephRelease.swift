import Glibc

/// A release of Ceph, such as 16.2.15.
struct CephRelease: Comparable, Sendable, CustomStringConvertible {
    /// Its three numbers.
    let major: Int
    let minor: Int
    let patch: Int

    /// A release by its numbers.
    init(_ major: Int, _ minor: Int, _ patch: Int) {
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    /// Reads what Ceph says of itself: `16.2.15`, or `18.2.4-12-gabcdef` between two releases. Nil for anything else.
    init?(_ text: String) {
        let numbers = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard numbers.count == 3, let major = Int(numbers[0]), let minor = Int(numbers[1]),
            let patch = Int(numbers[2].prefix { $0.isASCII && $0.isNumber }), major >= 0, minor >= 0
        else { return nil }
        self.init(major, minor, patch)
    }

    var description: String { "\(major).\(minor).\(patch)" }

    static func < (one: CephRelease, other: CephRelease) -> Bool {
        (one.major, one.minor, one.patch) < (other.major, other.minor, other.patch)
    }

    /// The release of the libraries that this process uses; nil when they do not tell.
    static let ofLibraries = librariesText.flatMap { CephRelease($0) }

    /// What libceph-common says of itself. `rbd_version` tells of the interface only, which stays the same for years.
    ///
    /// Implements: void *dlsym(void *handle, const char *symbol); const char *ceph_version_to_str(void);
    private static var librariesText: String? {
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        // A handle of nil means all that is loaded; the name is as C++ compilers write it.
        guard let symbol = dlsym(nil, "_Z19ceph_version_to_strv") else { return nil }
        return unsafeBitCast(symbol, to: Function.self)().map { String(cString: $0) }
    }
}
