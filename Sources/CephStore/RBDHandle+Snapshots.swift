import CCeph
import FerryCore
import FoundationEssentials
import Glibc
import ImageStore

extension RBDHandle {
    /// A snapshot of any namespace: a user's, a group's, one in the trash, a mirror daemon's.
    struct AnySnapshot {
        let snapshot: Snapshot
        let isUsers: Bool
    }

    /// All snapshots, in ascending order of id.
    ///
    /// Implements: int rbd_snap_list(rbd_image_t image, rbd_snap_info_t *snaps, int *max_snaps); int
    /// rbd_snap_get_namespace_type(rbd_image_t image, uint64_t snap_id, rbd_snap_namespace_type_t *namespace_type);
    /// int rbd_snap_is_protected(rbd_image_t image, const char *snap_name, int *is_protected);
    func allSnapshots() throws(CephError) -> [AnySnapshot] {
        var capacity: Int32 = 64
        for _ in 0..<16 {
            var list = [rbd_snap_info_t](repeating: rbd_snap_info_t(), count: Int(capacity))
            let count = rbd_snap_list(raw, &list, &capacity)
            if count == -ERANGE { continue }
            try check(count, "rbd_snap_list")
            defer { rbd_snap_list_end(&list) }
            return try describe(list.prefix(Int(count)))
        }
        throw CephError(.failed, "the list of snapshots kept growing")
    }

    private func describe(_ list: ArraySlice<rbd_snap_info_t>) throws(CephError) -> [AnySnapshot] {
        var snapshots: [AnySnapshot] = []
        for info in list {
            guard let name = info.name else { continue }
            var namespace = RBD_SNAP_NAMESPACE_TYPE_USER
            let result = rbd_snap_get_namespace_type(raw, info.id, &namespace)
            // Removed since it was listed.
            if result == -ENOENT { continue }
            try check(result, "rbd_snap_get_namespace_type")
            let isUsers = namespace == RBD_SNAP_NAMESPACE_TYPE_USER
            var isProtected: Int32 = 0
            if isUsers {
                let result = rbd_snap_is_protected(raw, name, &isProtected)
                if result == -ENOENT { continue }
                try check(result, "rbd_snap_is_protected")
            }
            guard let createdAt = try snapshotTime(info.id) else { continue }
            let identity = SnapshotIdentity(id: info.id, name: String(cString: name))
            let snapshot = Snapshot(
                identity: identity, byteCount: info.size, createdAt: createdAt, isPinned: isProtected != 0)
            snapshots.append(AnySnapshot(snapshot: snapshot, isUsers: isUsers))
        }
        return snapshots.sorted { $0.snapshot.identity.id < $1.snapshot.identity.id }
    }

    /// When a snapshot was made, by the cluster's clock; nil when it is gone.
    ///
    /// Implements: int rbd_snap_get_timestamp(rbd_image_t image, uint64_t snap_id, struct timespec *timestamp);
    private func snapshotTime(_ id: UInt64) throws(CephError) -> Date? {
        var time = timespec()
        let result = rbd_snap_get_timestamp(raw, id, &time)
        if result == -ENOENT { return nil }
        try check(result, "rbd_snap_get_timestamp")
        return Date(timeIntervalSince1970: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }

    /// The user's snapshots, in ascending order of id.
    func userSnapshots() throws(CephError) -> [Snapshot] {
        try allSnapshots().filter(\.isUsers).map(\.snapshot)
    }

    /// The name, as C knows it, of the user's snapshot with this id. Throws `.notFound` when it is gone.
    ///
    /// Implements: int rbd_snap_get_name(rbd_image_t image, uint64_t snap_id, char *snapname, size_t *name_len);
    func userSnapshotName(_ id: UInt64) throws(CephError) -> [CChar] {
        var namespace = RBD_SNAP_NAMESPACE_TYPE_USER
        try check(rbd_snap_get_namespace_type(raw, id, &namespace), "rbd_snap_get_namespace_type")
        guard namespace == RBD_SNAP_NAMESPACE_TYPE_USER else {
            throw CephError(.notFound, "snapshot id \(id) is no longer the user's")
        }
        var length = 256
        for _ in 0..<4 {
            var buffer = [CChar](repeating: 0, count: length)
            let result = rbd_snap_get_name(raw, id, &buffer, &length)
            if result == -ERANGE { continue }
            try check(result, "rbd_snap_get_name")
            return Array(buffer.prefix { $0 != 0 }) + [0]
        }
        throw CephError(.failed, "the name of snapshot id \(id) can't be read")
    }

    /// Makes the handle show a snapshot instead of the head; nil: the head again.
    ///
    /// Implements: int rbd_snap_set_by_id(rbd_image_t image, uint64_t snap_id); int rbd_snap_set(rbd_image_t image,
    /// const char *snapname);
    func setSnapshot(_ id: UInt64?) throws(CephError) {
        if let id {
            try check(rbd_snap_set_by_id(raw, id), "rbd_snap_set_by_id")
        } else {
            try check(rbd_snap_set(raw, nil), "rbd_snap_set")
        }
        try settleParent()
    }

    /// Makes a snapshot. Throws `.notQuiesced` when the policy is `required` and a watcher refused to hold still, or did
    /// not answer for 50 s.
    ///
    /// Implements: int rbd_snap_create2(rbd_image_t image, const char *snap_name, uint32_t flags,
    /// librbd_progress_fn_t cb, void *cbdata);
    func createSnapshot(_ name: [CChar], quiesce: QuiescePolicy) throws(CephError) {
        do throws(CephError) {
            try check(rbd_snap_create2(raw, name, quiesce.flags, ignoreProgress, nil), "rbd_snap_create2")
        } catch  where quiesce == .required && (error.reason == .failed || error.number == ETIMEDOUT) {
            // A watcher's error number comes back as if it were librbd's. Those that have a meaning of their own keep
            // it; with the others a watcher is the likelier cause by far.
            throw error.asReason(.notQuiesced)
        } catch  where quiesce == .required && error.number == EPERM {
            throw error.asReason(
                .notPermitted,
                remedy: "grant the store's user `profile rbd`; if it has that, see why the image's quiesce hook fails")
        }
    }

    /// Implements: int rbd_snap_remove_by_id(rbd_image_t image, uint64_t snap_id);
    func removeSnapshot(_ id: UInt64) throws(CephError) {
        do throws(CephError) {
            try check(rbd_snap_remove_by_id(raw, id), "rbd_snap_remove_by_id")
        } catch  where error.number == EBUSY {
            throw error.asReason(.locked, remedy: "it is protected: unprotect it when nothing needs it any more")
        }
    }

    /// Protects a snapshot; false when it was protected already.
    ///
    /// Implements: int rbd_snap_protect(rbd_image_t image, const char *snap_name);
    func protectSnapshot(_ name: [CChar]) throws(CephError) -> Bool {
        let result = rbd_snap_protect(raw, name)
        if result == -EBUSY { return false }
        try check(result, "rbd_snap_protect")
        return true
    }

    /// Takes the protection away; nothing happens when there is none.
    ///
    /// Implements: int rbd_snap_unprotect(rbd_image_t image, const char *snap_name);
    func unprotectSnapshot(_ name: [CChar]) throws(CephError) {
        let result = rbd_snap_unprotect(raw, name)
        if result == -EINVAL || result == -ENOENT { return }
        do throws(CephError) {
            try check(result, "rbd_snap_unprotect")
        } catch  where error.number == EBUSY {
            throw error.asReason(.locked, remedy: "it has clones: flatten or remove them, then unprotect it")
        }
    }

    /// Makes the head equal to a snapshot, object by object.
    ///
    /// Implements: int rbd_snap_rollback(rbd_image_t image, const char *snapname);
    func rollBack(to name: [CChar]) throws(CephError) {
        try check(rbd_snap_rollback(raw, name), "rbd_snap_rollback")
    }
}

extension QuiescePolicy {
    /// As `rbd_snap_create2` takes it.
    fileprivate var flags: UInt32 {
        switch self {
        case .required: 0
        case .bestEffort: UInt32(RBD_SNAP_CREATE_IGNORE_QUIESCE_ERROR)
        case .skip: UInt32(RBD_SNAP_CREATE_SKIP_QUIESCE)
        }
    }
}

/// For calls that report progress and do not take nil for an answer.
let ignoreProgress: librbd_progress_fn_t = { _, _, _ in 0 }
