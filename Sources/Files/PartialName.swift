import Foundation

/// Hidden names beside a destination, `.name.partial-…`, under which it is written until it is complete.
///
/// Whoever writes one holds a lock on it (`flock`), which ends with the process however that dies. So the next writer of the
/// same destination knows what nobody will complete any more, and clears it away. Where a file system has no locks, nothing
/// is cleared.
package enum PartialName {
    package enum Kind: String {
        /// What is not complete yet.
        case partial
        /// What is about to be removed, since something else has its place or will have it at once.
        case replaced
    }

    /// A name that nothing has.
    package static func make(_ kind: Kind = .partial, besides destination: String) -> String {
        beginning(kind, destination) + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Deals with what writers of a destination have left behind.
    ///
    /// - Parameter body: what to do with each; by default it is removed. Nobody else deals with it meanwhile.
    package static func clear(
        _ kind: Kind = .partial, besides destination: String,
        _ body: (String) -> Void = { try? FileManager.default.removeItem(atPath: $0) }
    ) {
        let folder = PathParts.folder(of: destination)
        let beginning = beginning(kind, destination)
        let start = (beginning as NSString).lastPathComponent
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        where name.hasPrefix(start) {
            let path = beginning + name.dropFirst(start.count)
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { body(path) }
            close(descriptor)
        }
    }

    /// Locks what was just made under such a name.
    ///
    /// - Returns: whether it is still there: between its making and this call somebody may have taken it for abandoned.
    package static func hold(_ descriptor: Int32, _ path: String) -> Bool {
        // Fails where there are no locks, and is then not needed.
        _ = retried { flock(descriptor, LOCK_EX) }
        return isSame(descriptor, path)
    }

    /// Whether a path names what is open, as far as the system tells.
    package static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
        var (held, named) = (stat(), stat())
        guard lstat(path, &named) == 0 else { return errno != ENOENT && errno != ENOTDIR }
        return fstat(descriptor, &held) != 0 || (held.st_ino == named.st_ino && held.st_dev == named.st_dev)
    }

    private static func beginning(_ kind: Kind, _ destination: String) -> String {
        let folder = PathParts.folder(of: destination)
        // Bytes are what names may not have too many of.
        let last = String(decoding: (destination as NSString).lastPathComponent.utf8.prefix(200), as: UTF8.self)
        let name = ".\(last).\(kind.rawValue)-"
        return folder.isEmpty ? name : folder == "/" ? "/" + name : "\(folder)/\(name)"
    }
}

/// Runs a call of the system again as long as a signal interrupts it.
package func retried<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
