extension RankGroup {
    /// How long a rank is waited for.
    public struct Patience: Sendable, Equatable {
        /// Seconds after which a wait is reported.
        public var report: Double
        /// Seconds after which it is given up.
        public var limit: Double
        /// The same of waits for the first rank where that may take its time: between two steps it evaluates and writes,
        /// and before the first one it may train a tokenizer.
        public var firstRankLimit: Double
        /// The most of any wait once a rank is lost: others are still told of it, and the first rank writes it down.
        public var limitAfterLoss: Double

        public init(
            report: Double = 30, limit: Double = 1800, firstRankLimit: Double = .infinity, limitAfterLoss: Double = 30
        ) {
            self.report = report
            self.limit = limit
            self.firstRankLimit = firstRankLimit
            self.limitAfterLoss = limitAfterLoss
        }

        /// The environment variable that holds other limits, in seconds.
        public static let variable = "PRETRAIN_MPI_PATIENCE"

        /// What an environment asks for: a limit for every wait.
        ///
        /// - Throws: `CommunicationError.badPatience`.
        public static func asked(_ environment: [String: String]) throws -> Patience {
            guard let text = environment[variable], !text.isEmpty else { return Patience() }
            guard let seconds = Double(text), 1...1e9 ~= seconds else { throw CommunicationError.badPatience(text) }
            return Patience(report: min(30, seconds / 4), limit: seconds, firstRankLimit: seconds)
        }
    }
}
