/// The shortest and the longest time, in seconds, that each key takes.
enum TimeLimits {
    private static let day: Int64 = 86_400

    static let every = 1...366 * day
    static let holdBaseMax = 60...3650 * day
    static let scanEvery = 1...day
    static let hangAfter = 10...day
    static let stopWithin = 1...day
    static let blockWithin = 1...day
    static let hookTimeout = 1...day
    static let fullEvery = 1...3650 * day
}
