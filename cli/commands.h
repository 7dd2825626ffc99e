/* commands.h - the subcommands of `atelier`. Each takes argv from its own name on and returns the exit code.
 */
#ifndef ATL_CLI_COMMANDS_H
#define ATL_CLI_COMMANDS_H

int command_paint(int argc, char **argv);
int command_model(int argc, char **argv);
int command_worker(int argc, char **argv); /* started by the executor */
int command_probe(int argc, char **argv);  /* started by studies */
int command_cpu(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_topology(int argc, char **argv);
int command_run(int argc, char **argv);
int command_status(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_retry(int argc, char **argv);
int command_gallery(int argc, char **argv);
int command_history(int argc, char **argv);
int command_report(int argc, char **argv);
int command_study(int argc, char **argv);
int command_compare(int argc, char **argv);

int command_model_inspect(int argc, char **argv);
int command_model_synth(int argc, char **argv);
int command_model_probe(int argc, char **argv);
int command_model_tokenize(int argc, char **argv);
int command_model_schedule(int argc, char **argv);

#endif
