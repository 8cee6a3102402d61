import Synchronization

/// The connection to a cluster that stores share. Once the cluster has cut it off (blocklist) it is made anew: librados does
/// not come back from that by itself, and an agent has to, without anybody who restarts it.
final class CephConnection: Sendable {
    private let confPath: String
    private let user: String
    private let current: Mutex<RadosCluster>

    /// Connects as a user. Blocks for up to about 20 s when the cluster does not answer.
    init(confPath: String, user: String) throws(CephError) {
        self.confPath = confPath
        self.user = user
        current = Mutex(try RadosCluster(confPath: confPath, user: user))
    }

    /// The connection; another one than `lost`, if that is given. Blocks while it is made. What was opened over the lost
    /// one keeps that until it is closed.
    func cluster(insteadOf lost: RadosCluster?) throws(CephError) -> RadosCluster {
        try current.withLock { (cluster) throws(CephError) in
            guard cluster === lost else { return cluster }
            let new = try RadosCluster(confPath: confPath, user: user)
            guard new.fsid == cluster.fsid else {
                throw CephError(
                    .failed, "\(confPath) leads to another cluster now: \(new.fsid), not \(cluster.fsid)",
                    remedy: "restart, if that is meant")
            }
            cluster = new
            return new
        }
    }
}
