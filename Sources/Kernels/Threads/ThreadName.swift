import CProcessor

/// What threads are called, in timelines and by the system's tools (`top -H`).
public enum ThreadName {
    /// Names the calling thread. Foundation's `Thread.name` does not reach the system.
    ///
    /// - Parameter name: the first 15 bytes count.
    public static func set(_ name: String) { processor_name_thread(name) }

    /// Of the calling thread; nil where it was given none here.
    static var current: String? {
        let name = String(cString: processor_thread_name())
        return name.isEmpty ? nil : name
    }
}
