import Foundation

/// An operating-system call on a file or folder that failed.
public struct FileFailure: Error, Equatable, CustomStringConvertible {
    /// What was tried, as a verb: `open`, `read`, `write`, `rename`, ...
    public var operation: String
    public var path: String
    /// The call's `errno`.
    public var code: Int32

    public init(_ operation: String, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    public var description: String {
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "; free some space on that file system and repeat"
            case EACCES, EPERM, EROFS: "; check the permissions"
            default: ""
            }
        return "cannot \(operation) \(path): \(String(cString: strerror(code)))\(advice)"
    }
}
