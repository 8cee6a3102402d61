import ImageStore

/// Who may write to a mirror.
let lockCases: [ConformanceCase] = [
    ConformanceCase("a locked image can't be locked again until it is closed") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { _ in
            let second = try await scratch.store.openMirror(scratch.name)
            try await expect("lock", throws: .locked) { try await second?.lock() }
            await second?.close()
        }
        try await scratch.withMirror { try await $0.write([(0, [1])]) }
    },
    ConformanceCase("nobody writes to an image that someone else has locked") { scratch in
        try await scratch.create(testBytes(mebibyte))
        let second = try await scratch.store.openMirror(scratch.name)
        let snapshot = try await scratch.withMirror { mirror in
            try await expect("apply", throws: .locked) { try await second?.write([(0, [1])]) }
            return try await mirror.createSnapshot("s1")
        }
        await second?.close()
        let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
        try expectBytes("contents", contents, equal: testBytes(mebibyte))
    },
    ConformanceCase("a lock is the same lock when the image was just created") { scratch in
        let first = try await scratch.store.createMirror(scratch.name, byteCount: mebibyte, layout: .standard)
        try await first.lock()
        let second = try await scratch.store.openMirror(scratch.name)
        try await expect("lock", throws: .locked) { try await second?.lock() }
        await first.close()
        try await second?.lock()
        await second?.close()
    },
    ConformanceCase("an image that someone else holds is not removed") { scratch in
        try await scratch.create(byteCount: mebibyte)
        try await scratch.withMirror { _ in
            let second = try await scratch.store.openMirror(scratch.name)
            try await expect("remove", throws: .locked) { try await second?.remove() }
            await second?.close()
        }
        let names = try await scratch.store.imageNames()
        try expect("name is listed", names.contains(scratch.name))
    },
    ConformanceCase("a locked image can still be read as a source") { scratch in
        try await scratch.create(testBytes(mebibyte))
        let snapshot = try await scratch.withMirror { try await $0.createSnapshot("s1") }
        try await scratch.withMirror { mirror in
            try await mirror.write([(0, [1, 2, 3])])
            let contents = try await scratch.withSource { try await $0.contents(of: snapshot) }
            try expectBytes("contents", contents, equal: testBytes(mebibyte))
        }
    },
]
