// One band as grey, or three as red, green and blue; each with its own stretch.
uniform highp sampler2D u_red;
uniform highp sampler2D u_green;
uniform highp sampler2D u_blue;
uniform vec3 u_low;
uniform vec3 u_high;
uniform float u_gamma;
uniform bool u_grey;
uniform vec3 u_checkerA;
uniform vec3 u_checkerB;

const float CHECKER = 8.0;

float stretched(vec2 found, float low, float high) {
  return pow(clamp((found.x - low) / (high - low), 0.0, 1.0), 1.0 / u_gamma);
}

void main() {
  vec2 image = imagePosition();
  if (beyondImage(image)) discard;
  vec2 position = image / u_stride;
  vec2 red = sampleMean(u_red, position);
  vec2 green = u_grey ? red : sampleMean(u_green, position);
  vec2 blue = u_grey ? red : sampleMean(u_blue, position);
  if (red.y * green.y * blue.y == 0.0) {
    vec2 cell = floor(gl_FragCoord.xy / CHECKER);
    o_colour = vec4(mod(cell.x + cell.y, 2.0) < 0.5 ? u_checkerA : u_checkerB, 1.0);
    return;
  }
  o_colour = vec4(stretched(red, u_low.r, u_high.r), stretched(green, u_low.g, u_high.g), stretched(blue, u_low.b, u_high.b), 1.0);
}
