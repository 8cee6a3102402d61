public import FerryCore
import Glibc

/// Why a hook failed, with what its command wrote last.
public struct HookError: Failure, Hashable {
    /// What went wrong.
    public enum Problem: Hashable, Sendable {
        /// There is no such program.
        case notFound
        /// There is one, but the system can't execute it.
        case notExecutable
        /// The system could not start it or read from it; its words.
        case failed(String)
        /// It ended with a status other than 0.
        case exited(Int32)
        /// A signal ended it.
        case signaled(Int32)
        /// It was stopped after its time was over, in seconds.
        case timedOut(afterSeconds: Int64)
        /// It was stopped, or not started, because our task was cancelled.
        case cancelled
    }

    /// The program; empty when the command is.
    public let program: String
    /// What went wrong.
    public let problem: Problem
    /// What the command did until then; nil when it was not started.
    public let result: HookResult?

    /// An error from its parts.
    public init(program: String, problem: Problem, result: HookResult?) {
        self.program = program
        self.problem = problem
        self.result = result
    }

    /// What can be done about it.
    public var disposition: Disposition {
        switch problem {
        case .notFound, .notExecutable: .permanent
        case .failed, .exited, .signaled, .timedOut, .cancelled: .temporary
        }
    }

    /// What happened.
    public var cause: String {
        let hook = "hook \(program.printable)"
        switch problem {
        case .notFound: return "\(hook): there is no such program"
        case .notExecutable: return "\(hook): the program can't be executed"
        case .failed(let detail): return "\(hook) can't be run: \(detail.printable)"
        case .exited(let status): return "\(hook) ended with exit status \(status), \(evidence)"
        case .signaled(let signal): return "\(hook) was ended by \(Self.name(ofSignal: signal)), \(evidence)"
        case .timedOut(let seconds): return "\(hook) was stopped after \(seconds) s, \(evidence)"
        case .cancelled: return "\(hook) was interrupted"
        }
    }

    /// What the user can do.
    public var remedy: String {
        switch problem {
        case .notFound:
            "install it, or correct the hook's command: a list of program and arguments, or a text that is the program"
        case .notExecutable: "check its mode, its owner and the interpreter that its first line names"
        case .failed: "check the limits on processes, memory and open files"
        case .exited, .signaled: "see what it wrote in the log, and run it by hand as the agent's user"
        case .timedOut: "find out what it waits for, or give it a longer timeout"
        case .cancelled: ""
        }
    }

    /// The last line that the command wrote, of its errors if there is one.
    private var evidence: String {
        let last = [result?.errorOutput, result?.output].lazy.compactMap { $0.flatMap(Self.lastLine) }.first
        return last.map { "its last line: \($0.printable)" } ?? "without a word"
    }

    private static func lastLine(_ text: String) -> String? {
        let last = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }
        return last.map(String.init)
    }

    /// `signal 9 (Killed)`. Implements: char *strsignal(int);
    private static func name(ofSignal signal: Int32) -> String {
        "signal \(signal)" + (strsignal(signal).map { " (\(String(cString: $0)))" } ?? "")
    }
}
