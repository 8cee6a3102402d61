public import AgentConfiguration
import CephStore
import DirectoryStore
public import ImageStore

#if DEBUG
import KillPoints
#endif

extension StoreConfiguration {
    /// Opens the store.
    public func open() async throws -> any ImageStore {
        #if DEBUG
        return KillPointStore.wrap(try await openPlain())
        #else
        return try await openPlain()
        #endif
    }

    private func openPlain() async throws -> any ImageStore {
        switch self {
        case .ceph(let conf, let user, let places, let dataPool, true):
            return try await CephStore.open(
                conf: conf, user: user, places: places.map { ($0.pool, $0.namespace) }, dataPool: dataPool)
        case .ceph(let conf, let user, let places, let dataPool, false):
            guard let place = places.first else { preconditionFailure("a Ceph store has at least one place") }
            return try await CephStore.open(
                CephLocation(
                    confPath: conf, user: user, pool: place.pool, namespace: place.namespace, dataPool: dataPool))
        case .directory(let path):
            return try await DirectoryStore.open(path)
        }
    }
}
