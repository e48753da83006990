package main

import "C"

// roam_tailnet_start starts the one node of this process. config_json is a
// NUL-terminated [config]; control_fd is one end of a stream socket pair, owned
// by the node from here on, whatever the outcome.
//
// It returns 0, or a negative code: see the constants in session.go.
//
//export roam_tailnet_start
func roam_tailnet_start(config_json *C.char, control_fd C.int) (code C.int) {
	defer func() {
		if recover() != nil {
			code = startPanicked
		}
	}()
	if config_json == nil {
		closeDescriptor(int(control_fd))
		return startBadConfig
	}
	return C.int(start([]byte(C.GoString(config_json)), int(control_fd)))
}
