extension Profile {
    /// What a thread did for a while.
    public struct Span: Codable, Sendable, Equatable {
        /// A kernel, a phase, or what was waited for.
        public var name: String
        /// Of a kernel: the phase that it belongs to, "" where it belongs to none.
        public var phase: String?
        public var thread: String
        /// Of a message: where it went to or came from. It began when it was sent, or when somebody was ready for it.
        public var message: String?
        /// Nanoseconds of `Profile.now`.
        public var start: UInt64
        public var nanoseconds: UInt64

        public init(
            name: String, phase: String?, thread: String, message: String?, start: UInt64, nanoseconds: UInt64
        ) {
            self.name = name
            self.phase = phase
            self.thread = thread
            self.message = message
            self.start = start
            self.nanoseconds = nanoseconds
        }
    }
}
