/// Changes to an image by another client: Ceph's own Python binding, which also discards.
struct Workload {
    let cluster: TestCluster
    /// `pool/name` or `pool/namespace/name`.
    let spec: String

    /// Seeded random writes, discards, zeros and changes of size.
    func change(seed: Int, byteCountMax: Int) async throws {
        _ = try await cluster.run(
            "/usr/bin/python3", ["-c", Self.random, cluster.confPath, spec, "\(seed)", "\(byteCountMax)"])
    }

    /// Calls of the binding's `Image`, one line each: `image.write(b"x" * 4096, 0)`.
    func run(_ statements: String) async throws {
        _ = try await cluster.run("/usr/bin/python3", ["-c", Self.open + statements, cluster.confPath, spec])
    }

    private static let open = """
        import atexit, os, rados, random, rbd, sys
        place = sys.argv[2].split("/")
        cluster = rados.Rados(conffile=sys.argv[1], name="client.admin")
        cluster.connect()
        pool = cluster.open_ioctx(place[0])
        pool.set_namespace(place[1] if len(place) == 3 else "")
        image = rbd.Image(pool, place[-1])
        atexit.register(lambda: (image.close(), pool.close(), cluster.shutdown()))

        """

    private static let random =
        open + """
            dice = random.Random(int(sys.argv[3]))
            limit = int(sys.argv[4])

            def stretch(unit, longest):
                size = image.size()
                if size == 0: return 0, 0
                offset = dice.randrange(size) // unit * unit
                return offset, min(dice.randint(1, max(1, longest // unit)) * unit, size - offset)

            for _ in range(dice.randint(4, 14)):
                kind = dice.random()
                unit = dice.choice([1, 512, 4096, 65536])
                offset, length = stretch(unit, dice.choice([4096, 200000, 3000000]))
                if kind < 0.1:
                    image.resize(dice.choice([0, dice.randint(0, limit), limit, limit]))
                elif length == 0: pass
                elif kind < 0.65:
                    image.write(dice.randbytes(length), offset)
                elif kind < 0.75:
                    image.write(bytes(length), offset)
                else:
                    image.discard(offset, length)
            image.flush()

            """
}
