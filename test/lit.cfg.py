# Tests: text tests (.mlir), programs (.test, .py with RUN lines) and the unit
# tests that CMake builds into build/bin.

import glob
import os
import shutil

import lit.formats

config.name = "bitpipe"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build, "test")

path = [os.path.join(config.build, "bin"), os.path.join(config.build, "venv/bin"), config.llvm_tools, os.environ["PATH"]]
config.environment["PATH"] = os.pathsep.join(path)
config.environment["PYTHONPATH"] = os.path.join(config.source, "python")
config.environment["OMP_NUM_THREADS"] = "1"
# mpirun refuses root, which containers run as, and more processes than cores.
config.environment["OMPI_ALLOW_RUN_AS_ROOT"] = config.environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
config.environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
# Plans for GPUs run on doubles, never on a cuDNN that some Python on PATH has.
config.environment["BITPIPE_CUDNN"] = os.path.join(config.build, "bin/doubles/libcudnn.so.9")
if "CI" in os.environ:
    config.environment["CI"] = os.environ["CI"]
config.substitutions.append(("%source", config.source))
config.substitutions.append(("%build", config.build))
config.substitutions.append(("%cxx", config.cxx))
config.substitutions.append(("%python", os.path.join(config.build, "venv/bin/python")))
config.substitutions.append(("%models", os.path.join(config.source, "test/models")))
config.substitutions.append(("%mlir_lib", os.path.join(config.llvm_tools, "../lib")))

# A Slurm for one test; its daemons want to be root.
if os.geteuid() == 0 and all(shutil.which(tool) for tool in ("slurmctld", "slurmd", "srun")):
    config.available_features.add("slurm")

# Minutes of generated cases, for .ci/run and before a change to what they test.
if os.environ.get("BITPIPE_LONG"):
    config.available_features.add("long")
if os.environ.get("BITPIPE_LONG") == "only":  # the others have run
    config.limit_to_features = {"long"}

# The part K/N of what sweeps over all schedules or operators: all, but for .ci/run.
config.substitutions.append(("%part", os.environ.get("BITPIPE_PART", "1/1")))

# Two network namespaces with a link between them need root.
if os.geteuid() == 0 and os.path.exists("/dev/net/tun") and shutil.which("ip"):
    config.available_features.add("namespaces")

# The real libraries (scripts/setup.sh), of which cuDNN makes plans without a GPU.
alone = os.path.join(config.build, "alone/nvidia")
if os.path.exists(os.path.join(alone, "cudnn_jit")):
    config.available_features.add("cudnn")
if os.path.exists(os.path.join(alone, "nccl")) and os.path.exists(os.path.join(alone, "cu13/lib/libcublasLt.so.13")):
    config.available_features.add("cublaslt-nccl")
config.substitutions.append(("%alone", alone))

# NVIDIA's assembler: a folder with both of its programs, of CUDA or of a package of Python's.
packaged = glob.glob(os.path.join(config.build, "venv/lib/python3*/*-packages/nvidia/*/bin"))
folders = [*config.environment["PATH"].split(os.pathsep), *packaged, "/usr/local/cuda/bin"]
assembler = next((folder for folder in folders if all(shutil.which(tool, path=folder) for tool in ("ptxas", "fatbinary"))), None)
if assembler:
    config.available_features.add("ptxas")
    config.substitutions.append(("%assembler", assembler))
nvcc = shutil.which("nvcc", path=os.pathsep.join(folders))
if nvcc:
    config.available_features.add("nvcc")
config.substitutions.append(("%nvcc", nvcc or "none"))
nvdisasm = shutil.which("nvdisasm", path=os.pathsep.join(folders))
if nvdisasm:
    config.available_features.add("nvdisasm")
    config.substitutions.append(("%nvdisasm", nvdisasm))
# What the build has assembled, and what ptxas said of it.
if os.path.exists(os.path.join(config.build, "lib/Runtime/own_kernels.fatbin")):
    config.available_features.add("own-machine-code")
