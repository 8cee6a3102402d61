public import ImageStore
public struct CephLocation: Sendable { public init(confPath: String, user: String, pool: String, namespace: String?, dataPool: String?) {} }
public enum CephStore { public static func open(_ l: CephLocation) async throws(StoreError) -> any ImageStore { throw StoreError(.unsupported, "", "") } }
