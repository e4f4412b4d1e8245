import Foundation
import Kernels
import Machine

/// Starts the program over where OpenBLAS has chosen badly: it looks at processor and variables while it is loaded, before
/// any code of ours.
enum LinearAlgebraChoice {
    static func apply() {
        let variables = ProductLibrary.current.variablesToStartOver(processors: MachineLimits().processors)
        guard !variables.isEmpty else { return }
        for (name, value) in variables { setenv(name, value, 1) }
        var arguments = CommandLine.arguments.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        // Returns only if it fails; then the program goes on, a little slower.
        execv("/proc/self/exe", &arguments)
        for name in variables.keys { unsetenv(name) }
    }
}
