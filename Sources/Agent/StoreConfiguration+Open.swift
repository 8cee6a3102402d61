public import AgentConfiguration
import CephStore
import DirectoryStore
public import ImageStore

extension StoreConfiguration {
    /// Opens the store.
    public func open() async throws -> any ImageStore {
        switch self {
        case .ceph(let conf, let user, let pool, let namespace, let dataPool):
            try await CephStore.open(
                CephLocation(confPath: conf, user: user, pool: pool, namespace: namespace, dataPool: dataPool))
        case .directory(let path):
            try await DirectoryStore.open(path)
        }
    }
}
