import Hooks
import Planning

extension Hook {
    /// Reads `before:` or `after:`; nil when it is absent or a fault was noted.
    init?(_ section: ConfigurationSection?, isFatal fallback: Bool) {
        guard var section else { return nil }
        section.require("command")
        let command = section.texts("command")
        let timeout = section.timeSpan("timeout", in: TimeLimits.hookTimeout)
        let isFatal = section.flag("fatal", default: fallback)
        section.finish()
        guard let command else { return nil }
        guard let program = command.first, !program.contains("/") || program.hasPrefix("/") else {
            section.note(
                "command begins with no program", "write an absolute path, or a name that is found in PATH",
                at: "command")
            return nil
        }
        self.init(command: command, timeoutSeconds: timeout?.seconds ?? 30, isFatal: isFatal)
    }
}
