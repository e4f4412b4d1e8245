import Foundation

/// Threads that are known to have begun. Foundation's `Thread` says nothing where the system gives it none, and whoever waits for
/// it then waits for ever.
public enum StartedThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// - Throws: `ThreadShortage`; `body` will not be run then.
    public static func start(stackBytes: Int, _ body: @escaping @Sendable () -> Void) throws(ThreadShortage) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let argument = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            throw ThreadShortage(code: code)
        }
    }
}

/// The system has given no further thread.
public struct ThreadShortage: Error, Equatable, Sendable, CustomStringConvertible {
    /// Of `pthread_create`.
    public var code: Int32

    public var description: String {
        "no further thread can be started (\(String(cString: strerror(code)))): lower --threads, or raise the limit on processes "
            + "(ulimit -u, or pids of a container)"
    }
}
