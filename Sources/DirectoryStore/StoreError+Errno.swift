import Glibc
import ImageStore

extension StoreError {
    /// An error from a system call's `errno`.
    init(errno code: CInt, _ operation: String, _ subject: String) {
        self.init(
            StoreError.reason(errno: code), operation, subject, detail: "\(String(cString: strerror(code))) (\(code))")
    }

    private static func reason(errno code: CInt) -> Reason {
        switch code {
        case ENOENT: .notFound
        case EEXIST, ENOTEMPTY: .alreadyExists
        case EWOULDBLOCK, EBUSY, ETXTBSY: .locked
        case EACCES, EPERM, EROFS: .notPermitted
        case ENOSPC, EDQUOT: .noSpace
        case ETIMEDOUT, ESTALE, EMFILE, ENFILE, ENOMEM: .unavailable
        case ELOOP, ENOTDIR, EISDIR, ENAMETOOLONG, EFBIG, EOPNOTSUPP: .unsupported
        default: .failed
        }
    }
}
