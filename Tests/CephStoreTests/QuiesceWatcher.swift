import Foundation

/// Another client that has an image open and is asked to hold still for snapshots, as `rbd device map --quiesce` is.
/// Python's binding has no call for it, so this is librbd through ctypes.
final class QuiesceWatcher: Sendable {
    private let cluster: TestCluster
    private let process: Process
    private let log: URL

    /// Starts watching an image of the pool `rbd`. It answers each request with `result`: 0, or a negative error number.
    init(_ cluster: TestCluster, image: String, answering result: Int) async throws {
        self.cluster = cluster
        log = FileManager.default.temporaryDirectory.appendingPathComponent(TestCluster.freshName("quiesce"))
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-uc", Self.script, cluster.confPath, image, "\(result)"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: log)
        try process.run()
        let waitUntilReady = "until grep -q ready \"$0\"; do kill -0 $1 || exit 1; sleep 0.1; done"
        _ = try await cluster.run("sh", ["-c", waitUntilReady, log.path, "\(process.processIdentifier)"])
    }

    /// How often it was asked.
    func askedCount() throws -> Int {
        try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count { $0 == "asked" }
    }

    /// Ends it in good order: the watch of a client that was killed stays for 30 s.
    func stop() async throws {
        process.terminate()
        let waitUntilGone = "while kill -0 $0 2>/dev/null && ! grep -q over \"$1\"; do sleep 0.1; done"
        _ = try await cluster.run("sh", ["-c", waitUntilGone, "\(process.processIdentifier)", log.path])
        try FileManager.default.removeItem(at: log)
    }

    private static let script = """
        import ctypes, queue, signal, sys
        rados, rbd = ctypes.CDLL("librados.so.2"), ctypes.CDLL("librbd.so.1")
        def call(function, *arguments):
            result = function(*arguments)
            if result < 0: sys.exit(f"{function.__name__}: {result}")
        cluster, pool, image, watch = (ctypes.c_void_p() for _ in range(4))
        watch = ctypes.c_uint64()
        call(rados.rados_create2, ctypes.byref(cluster), b"ceph", b"client.admin", ctypes.c_uint64(0))
        call(rados.rados_conf_read_file, cluster, sys.argv[1].encode())
        call(rados.rados_connect, cluster)
        call(rados.rados_ioctx_create, cluster, b"rbd", ctypes.byref(pool))
        call(rbd.rbd_open, pool, sys.argv[2].encode(), ctypes.byref(image), None)
        requests = queue.SimpleQueue()
        signal.signal(signal.SIGTERM, lambda *_: requests.put("stop"))
        # Threads of Swift's block signals, and what they start inherits that.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        asked, over = Callback(lambda _: requests.put("asked")), Callback(lambda _: None)
        call(rbd.rbd_quiesce_watch, image, asked, over, None, ctypes.byref(watch))
        print("ready")
        while True:
            try: request = requests.get(timeout=0.2)
            except queue.Empty: continue
            if request == "stop": break
            print(request)
            rbd.rbd_quiesce_complete(image, watch, int(sys.argv[3]))
        rbd.rbd_quiesce_unwatch(image, watch)
        rbd.rbd_close(image)
        rados.rados_ioctx_destroy(pool)
        rados.rados_shutdown(cluster)
        print("over")
        """
}
