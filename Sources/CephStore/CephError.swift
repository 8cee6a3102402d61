import Glibc
import ImageStore

/// What a call of librados or librbd came to, before it is known what it was for.
struct CephError: Error, Equatable {
    /// What kind of trouble it is.
    let reason: StoreError.Reason
    /// Evidence, for people.
    let detail: String
    /// What to do about it, where that is more than the reason tells.
    var remedy: String?
    /// The error number; 0 when no call failed and we don't like what we found.
    let number: Int32

    /// A finding of our own.
    init(_ reason: StoreError.Reason, _ detail: String, remedy: String? = nil) {
        self.reason = reason
        self.detail = detail
        self.remedy = remedy
        number = 0
    }

    /// The failure of `call`, which returned `result`, a negative error number.
    init(_ call: StaticString, _ result: Int) {
        let number = Int32(clamping: result.magnitude)
        self.number = number
        reason = Self.reason(number)
        detail = "\(String(cString: strerror(number))) (\(Self.name(number)) from \(call))"
        if isCutOff {
            remedy = "the cluster has cut us off (blocklist): see `ceph osd blocklist ls`; the next try connects anew"
        }
    }

    /// Whether the cluster takes nothing more from this connection, ever.
    var isCutOff: Bool { number == ESHUTDOWN }

    /// The same failure, read differently because of what was being done.
    func asReason(_ reason: StoreError.Reason, remedy: String? = nil) -> CephError {
        CephError(copying: self, reason: reason, remedy: remedy ?? self.remedy)
    }

    private init(copying other: CephError, reason: StoreError.Reason, remedy: String?) {
        self.reason = reason
        self.remedy = remedy
        detail = other.detail
        number = other.number
    }

    /// The store's error: this, with what was being done to what.
    func about(_ operation: String, _ subject: String) -> StoreError {
        StoreError(reason, operation, subject, detail: detail, remedy: remedy)
    }

    private static func reason(_ number: Int32) -> StoreError.Reason {
        switch number {
        case ENOENT: .notFound
        case EEXIST: .alreadyExists
        case EBUSY, EROFS: .locked
        case EPERM, EACCES: .notPermitted
        case ENOSPC, EDQUOT: .noSpace
        case ETIMEDOUT, ESHUTDOWN, ENOTCONN: .unavailable
        case ENOSYS, EOPNOTSUPP: .unsupported
        default: .failed
        }
    }

    private static let names: [Int32: String] = [
        EPERM: "EPERM", ENOENT: "ENOENT", EIO: "EIO", ENOMEM: "ENOMEM", EACCES: "EACCES", EBUSY: "EBUSY",
        EEXIST: "EEXIST", EXDEV: "EXDEV", EINVAL: "EINVAL", EFBIG: "EFBIG", ENOSPC: "ENOSPC", EROFS: "EROFS",
        EDOM: "EDOM", ERANGE: "ERANGE", ENAMETOOLONG: "ENAMETOOLONG", ENOSYS: "ENOSYS", ENOTEMPTY: "ENOTEMPTY",
        EILSEQ: "EILSEQ", EOPNOTSUPP: "EOPNOTSUPP", ESHUTDOWN: "ESHUTDOWN", ETIMEDOUT: "ETIMEDOUT",
        ENOTCONN: "ENOTCONN", EDQUOT: "EDQUOT", ECANCELED: "ECANCELED",
    ]

    private static func name(_ number: Int32) -> String {
        names[number] ?? "errno \(number)"
    }
}

/// Throws when a call returned an error; hands its result on otherwise.
@discardableResult
func check<Result: BinaryInteger>(_ result: Result, _ call: StaticString) throws(CephError) -> Result {
    guard result >= 0 else { throw CephError(call, Int(result)) }
    return result
}

/// A Swift string that C can take whole: throws when it holds a NUL, at which C would cut it.
func checkedCString(_ text: String, _ what: StaticString) throws(CephError) -> [CChar] {
    guard !text.utf8.contains(0) else { throw CephError(.unsupported, "\(what) has a zero byte in it") }
    return Array(text.utf8CString)
}
