/// What the parts of one file share while it is read: its name, the environment, and the faults found so far.
final class ConfigurationReading {
    /// More than anyone mends at once.
    private static let faultCountMax = 100

    /// The file.
    let file: String
    /// The process's environment.
    let environment: [String: String]
    /// In the order in which they were found.
    private(set) var faults: [ConfigurationError] = []

    init(file: String, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    /// Whether no further fault is taken, so that looking for more is of no use.
    var isFull: Bool { faults.count >= Self.faultCountMax }

    /// Takes a fault; `line` counts from 1, and is 0 when the fault has none.
    func note(_ problem: String, _ remedy: String, line: Int) {
        let fault = ConfigurationError(file: file, line: line, problem: problem, remedy: remedy)
        // An anchor that is used several times is read several times.
        guard !isFull, !faults.contains(fault) else { return }
        faults.append(fault)
    }

    /// What was read. Throws the faults, if there are any; `value` is nil only then.
    func result<Value>(_ value: Value?) throws(ConfigurationFaults) -> Value {
        if faults.isEmpty, let value { return value }
        precondition(!faults.isEmpty, "what can't be read has a fault")
        throw ConfigurationFaults(sortedFaults)
    }

    /// The faults in the order of their lines.
    var sortedFaults: [ConfigurationError] {
        faults.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}
