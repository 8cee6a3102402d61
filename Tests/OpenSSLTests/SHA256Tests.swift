import OpenSSL
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "known digests come out",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ])
    func knownDigests(text: String, expected: String) {
        #expect(hexadecimal(SHA256Digest.digest(Array(text.utf8).span)) == expected)
    }

    @Test("pieces give the digest of the whole")
    func pieces() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = SHA256Hasher()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            hasher.update(Array(bytes[start..<min(start + 777, bytes.count)]).span)
        }
        let digest = hasher.finish()
        #expect(digest == SHA256Digest.digest(bytes.span))
        #expect(digest.count == SHA256Digest.byteCount)
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
