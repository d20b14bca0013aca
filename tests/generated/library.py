"""libheed through its C API: packages that stay in one process, which emulated devices make dear."""

import ctypes

import ml_dtypes
import numpy as np

MAX_RANK = 8
TYPES = {
    np.dtype(np.float32): 2,
    np.dtype(np.float16): 3,
    np.dtype(ml_dtypes.bfloat16): 4,
    np.dtype(np.int64): 5,
    np.dtype(np.int32): 6,
    np.dtype(np.bool_): 13,
}


class View(ctypes.Structure):
    """heed_tensor_view."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("buffer", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
        ("type", ctypes.c_int),
        ("rank", ctypes.c_int32),
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("capacity_bytes", ctypes.c_uint64),
    ]


def view_of(array: np.ndarray) -> View:
    """A view of a dense array, which the caller keeps."""
    sizes = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    return View(data=array.ctypes.data, type=TYPES[array.dtype], rank=array.ndim, sizes=sizes)


class Library:
    """libheed.so with one device opened."""

    def __init__(self, path, device: str):
        self.runtime = ctypes.CDLL(str(path))
        self.runtime.heed_status_message.restype = ctypes.c_char_p
        self.device = self.made("heed_device_open", device.encode(), None)
        self.runtime.heed_device_name.restype = ctypes.c_char_p
        self.name = self.runtime.heed_device_name(self.device).decode()

    def call(self, name: str, *arguments) -> None:
        function = getattr(self.runtime, name)
        function.restype = ctypes.c_void_p
        status = function(*arguments)
        if status:
            message = self.runtime.heed_status_message(ctypes.c_void_p(status)).decode()
            self.runtime.heed_status_free(ctypes.c_void_p(status))
            raise RuntimeError(f"{name}: {message}")

    def made(self, name: str, *arguments) -> ctypes.c_void_p:
        """The object that a function's last parameter is set to."""
        result = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(result))
        return result

    def load(self, path) -> ctypes.c_void_p:
        return self.made("heed_module_load_file", self.device, str(path).encode(), None)

    def release(self, module: ctypes.c_void_p) -> None:
        self.runtime.heed_module_release(module)

    def run(self, module: ctypes.c_void_p, inputs: dict[str, np.ndarray], output: str, dtype: np.dtype) -> np.ndarray:
        call = self.made("heed_call_create", module)
        try:
            for name, array in inputs.items():
                self.call("heed_call_bind_input", call, name.encode(), ctypes.byref(view_of(array)))
            rank, sizes = ctypes.c_int32(), (ctypes.c_int64 * MAX_RANK)()
            self.call("heed_call_output_shape", call, output.encode(), ctypes.byref(rank), sizes)
            result = np.zeros(sizes[: rank.value], dtype)
            self.call("heed_call_bind_output", call, output.encode(), ctypes.byref(view_of(result)))
            self.call("heed_call_run", call, None, None)
            return result
        finally:
            self.runtime.heed_call_release(call)
