#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEOPS_TD

include "PipeAttentionCallOps.td"
include "PipeAttentionOps.td"
include "PipeComputeOps.td"
include "PipeFusedRowsOps.td"
include "PipeModelOps.td"
include "PipePlanOps.td"
include "PipeProgramOps.td"
include "PipeStageOps.td"

#endif
