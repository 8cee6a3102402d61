/// The file with our private key.
public enum KeyFile {
    /// Checks that the file can be read, holds a key without a pass phrase, and is closed to others.
    public static func check(_ path: String) throws(TLSFileError) {
        _ = try PEMFile.privateKey(path: path)
    }
}
