import FerryCore

/// The exit codes, which are a contract with scripts. Thrown by a command that has reported its errors itself.
struct ExitStatus: Error, Equatable {
    /// What the shell sees.
    let code: Int32

    /// All done.
    static let success = ExitStatus(code: 0)
    /// Failed for good.
    static let failed = ExitStatus(code: 1)
    /// The command line or the configuration is wrong.
    static let usage = ExitStatus(code: 2)
    /// Some images done, some not.
    static let partial = ExitStatus(code: 3)

    private init(code: Int32) {
        self.code = code
    }

    /// The code for an error.
    init(_ disposition: Disposition) {
        switch disposition {
        case .permanent: code = 1
        case .usage: code = 2
        case .differs: code = 4
        case .refused: code = 5
        case .locked: code = 11
        case .unauthorized: code = 12
        case .temporary: code = 75
        case .timedOut: code = 124
        }
    }

    /// The code for a run that a signal ended; what was done so far is saved.
    static func interrupted(by signal: Int32) -> ExitStatus {
        ExitStatus(code: 128 + signal)
    }
}

extension ExitStatus {
    /// Throws the status of a run of so many parts, some of which failed; nothing when none did.
    static func check(_ failures: [Disposition], of count: Int) throws {
        guard let gravest = failures.max(by: { $0.gravity < $1.gravity }) else { return }
        guard failures.count == count else { throw ExitStatus.partial }
        throw ExitStatus(gravest)
    }
}

extension Disposition {
    /// Which of several failures a run's exit code tells of: the one that a retry helps least.
    fileprivate var gravity: Int {
        switch self {
        case .temporary, .timedOut: 0
        case .locked: 1
        case .usage: 2
        case .permanent: 3
        case .unauthorized: 4
        case .refused: 5
        case .differs: 6
        }
    }
}
