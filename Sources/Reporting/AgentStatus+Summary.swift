extension AgentStatus {
    /// How everything stands, on one line: `12 images: 10 in sync, 1 syncing, 1 stopped; 2 late`.
    public var summaryLine: String {
        guard !images.isEmpty else { return problems.first ?? "no images yet" }
        let problem = problems.first.map { "; \($0)" } ?? ""
        return "\(imageCount): \(imageStates)\(problem)"
    }

    /// `12 images`
    var imageCount: String { "\(images.count) \(images.count == 1 ? "image" : "images")" }

    /// `10 in sync, 1 syncing, 1 stopped; 2 late; 1 in ALARM`
    var imageStates: String {
        let states = ImageState.allCases.compactMap { state -> String? in
            let count = images.count { $0.state == state }
            return count == 0 ? nil : "\(count) \(state.rawValue)"
        }
        let lateCount = images.count(where: \.isLate)
        let late = lateCount == 0 ? "" : "; \(lateCount) late"
        let alarmCount = images.count { $0.alarm != nil }
        let alarms = alarmCount == 0 ? "" : "; \(alarmCount) in ALARM"
        return "\(states.joined(separator: ", "))\(late)\(alarms)"
    }
}
