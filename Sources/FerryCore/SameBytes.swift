extension String {
    /// Whether both are the same bytes. `==` also takes different spellings of a letter for the same; Ceph does not, so
    /// two snapshots can differ in nothing else.
    public func hasSameBytes(as other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}
