import FoundationEssentials
import Glibc

/// The processes of a session that we made, except those that made a group of their own.
///
/// To be used only until its leader, which is our child, is reaped: the group's number is not another's before that.
struct ProcessGroup: Sendable {
    /// The process id of its leader, which is the group's number too.
    let leader: pid_t

    /// Whether the leader has ended. Implements: int waitid(idtype_t, id_t, siginfo_t *, int);
    var hasLeaderEnded: Bool {
        var info = siginfo_t()
        // Without reaping.
        let result = waitid(P_PID, id_t(leader), &info, WEXITED | WNOHANG | WNOWAIT)
        return result == 0 ? info.si_signo != 0 : errno != EINTR
    }

    /// Waits until the leader has ended, whatever happens to our task.
    func leaderEnd() async {
        await Self.poll { hasLeaderEnded }
    }

    /// Kills what is left when the grace is over; returns earlier when nothing is. The leader has ended, and the group
    /// was asked to end. Implements: int kill(pid_t, int);
    func end(within grace: Duration) async {
        let deadline = ContinuousClock.now.advanced(by: grace)
        await Self.poll { ContinuousClock.now >= deadline || !hasLivingMembers }
        kill(-leader, SIGKILL)
    }

    /// Whether the group has processes other than zombies, as far as we can see.
    var hasLivingMembers: Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.contains { name in
            guard let number = pid_t(name), let stat = FileManager.default.contents(atPath: "/proc/\(number)/stat")
            else { return false }
            return isLivingMember(stat)
        }
    }

    /// Whether a line of proc(5)'s stat is about a living process of this group: `ID (NAME) STATE PARENT GROUP ...`,
    /// where the name can be anything.
    func isLivingMember(_ stat: Data) -> Bool {
        let text = String(decoding: stat, as: UTF8.self)
        guard let nameEnd = text.lastIndex(of: ")") else { return false }
        let fields = text[nameEnd...].split(separator: " ").dropFirst()
        guard fields.count > 2, fields[fields.startIndex + 2] == "\(leader)" else { return false }
        return fields.first != "Z" && fields.first != "X"
    }

    /// Waits until a condition holds.
    private static func poll(_ condition: () -> Bool) async {
        while !condition() {
            // Of a task that nobody cancels.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
