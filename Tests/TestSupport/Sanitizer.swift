import Foundation

/// Of this process and of those that tests start (`make sanitize`).
public enum Sanitizer {
    /// Whether one is built in that reserves terabytes of addresses, so that a limit on them means nothing.
    public static let reservesAddresses = ["__asan_init", "__tsan_init"].contains { (name: String) in
        dlsym(nil, name) != nil
    }
    /// Whether one is built in that begins with a file of its own, so that a limit on the size of files ends it.
    public static let writesFiles = dlsym(nil, "__tsan_init") != nil
}
